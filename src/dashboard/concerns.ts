/** A change `data platinum.x` concerns topic `data platinum.x`, and topic `data`; `reset` concerns all. */
export const concerns = (change: string, topics: readonly string[]): boolean =>
  change === 'reset' || topics.some((topic) => change === topic || change.startsWith(`${topic} `));
