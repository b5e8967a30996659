import { Button, Checkbox, Group, Skeleton, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { useDomain } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { Part } from "./AccountPage";

const PURPOSES = ["retrieval", "evaluation", "training"] as const;
type Purpose = (typeof PURPOSES)[number];

/** For what one's ratings may be used. What is kept is the server's; here is what is ticked. */
export function ConsentChoice() {
  const { t } = useTranslation("account");
  const domain = useDomain();
  const asked = useQuery({ queryKey: ["consent", domain], queryFn: () => got(api.GET("/api/v1/consent")) });
  const agree = useAgree();
  return (
    <Part title={t("consent.title")}>
      {asked.error ? <Trouble error={asked.error} again={() => void asked.refetch()} /> : null}
      {asked.isPending ? <Skeleton h={96} /> : null}
      {asked.data ? <Choice key={asked.data.given.purposes.join()} asked={asked.data} agree={agree} /> : null}
    </Part>
  );
}

/** Outlives the choice, which is drawn anew once it is kept. */
function useAgree() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { purposes: Purpose[]; version: number }) => got(api.PUT("/api/v1/consent", { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["consent"] }),
  });
}

function Choice({ asked, agree }: { asked: Schemas["ConsentAsked"]; agree: ReturnType<typeof useAgree> }) {
  const { t } = useTranslation("account");
  const [chosen, setChosen] = useState<Purpose[]>(asked.given.purposes);
  const old = asked.given.purposes.length > 0 && asked.given.version !== asked.version;
  return (
    <Stack gap="sm">
      <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{asked.text}</Text>
      {old ? <Text size="sm" fw={600}>{t("consent.old")}</Text> : null}
      <Checkbox.Group value={chosen} onChange={(all) => setChosen(PURPOSES.filter((one) => all.includes(one)))} aria-label={t("consent.title")}>
        <Stack gap="xs">{PURPOSES.map((one) => <Checkbox key={one} value={one} label={t(`consent.${one}`)} />)}</Stack>
      </Checkbox.Group>
      {asked.implicit ? <Text size="sm" c="var(--soft)">{t("consent.implicit")}</Text> : null}
      {agree.error ? <Trouble error={agree.error} /> : null}
      <Group>
        <Button size="xs" variant="default" loading={agree.isPending} onClick={() => agree.mutate({ purposes: chosen, version: asked.version })}>{t("consent.keep")}</Button>
        {agree.isSuccess ? <Text size="sm" role="status">{t("consent.kept")}</Text> : null}
      </Group>
    </Stack>
  );
}
