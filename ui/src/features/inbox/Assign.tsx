import { Button, Menu } from "@mantine/core";
import { IconUserShare } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { useDomain } from "@/app/me";

/** Who of the data team is to review something; oneself first. */
export function useReviewers() {
  const domain = useDomain();
  const found = useQuery({ queryKey: ["reviewers", domain], queryFn: () => got(api.GET("/api/v1/feedback/reviewers", { params: { query: domain === undefined ? {} : { domain } } })) });
  return { me: found.data?.me, others: found.data?.reviewers.filter((one) => one !== found.data.me) ?? [] };
}

/** Gives what is chosen to somebody to review, or to nobody. */
export function Assign({ busy, give }: { busy: boolean; give: (reviewer: string) => void }) {
  const { t } = useTranslation("inbox");
  const { me, others } = useReviewers();
  return (
    <Menu position="bottom-start" withinPortal>
      <Menu.Target><Button size="xs" variant="default" loading={busy} leftSection={<IconUserShare size={14} />}>{t("assign.open")}</Button></Menu.Target>
      <Menu.Dropdown>
        {me === undefined ? null : <Menu.Item onClick={() => give(me)}>{t("assign.me")}</Menu.Item>}
        {others.map((one) => <Menu.Item key={one} onClick={() => give(one)}><bdi>{one}</bdi></Menu.Item>)}
        <Menu.Item onClick={() => give("")}>{t("assign.nobody")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
