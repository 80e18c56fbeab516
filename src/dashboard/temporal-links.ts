/** Where Temporal's Web UI shows a workflow; null where no Web UI is known. */
export const workflowLink = (
  temporalUiUrl: string | undefined,
  namespace: string,
  workflowId: string,
  runId?: string,
): string | null => {
  if (temporalUiUrl === undefined) return null;
  const path = [
    'namespaces',
    namespace,
    'workflows',
    workflowId,
    ...(runId === undefined ? [] : [runId, 'history']),
  ];
  return `${temporalUiUrl.replace(/\/+$/, '')}/${path.map(encodeURIComponent).join('/')}`;
};
