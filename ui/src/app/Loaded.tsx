/** What the server knows, once it has been told: till then a place for it, else why not. */
import { Skeleton } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Trouble } from "./Trouble";

export function Loaded<T>({ query, height = 160, children }: { query: UseQueryResult<T>; height?: number; children: (data: T) => ReactNode }) {
  const { t } = useTranslation();
  if (query.data !== undefined)
    return (
      <>
        {query.error ? <Trouble error={query.error} again={() => void query.refetch()} /> : null}
        {children(query.data)}
      </>
    );
  if (query.error) return <Trouble error={query.error} again={() => void query.refetch()} />;
  return <Skeleton h={height} role="status" aria-label={t("loading")} />;
}
