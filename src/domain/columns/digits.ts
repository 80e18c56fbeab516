const ZERO = 48;

/** The digit at `index`, or NaN: arithmetic with it then fails every comparison. */
const digitAt = (text: string, index: number): number => {
  const digit = text.charCodeAt(index) - ZERO;
  return digit >= 0 && digit <= 9 ? digit : Number.NaN;
};

/** The number that the two characters at `index` spell, NaN when they aren't both digits. */
export const twoDigitsAt = (text: string, index: number): number =>
  digitAt(text, index) * 10 + digitAt(text, index + 1);

export const fourDigitsAt = (text: string, index: number): number =>
  twoDigitsAt(text, index) * 100 + twoDigitsAt(text, index + 2);

export const isDigitAt = (text: string, index: number): boolean => !Number.isNaN(digitAt(text, index));
