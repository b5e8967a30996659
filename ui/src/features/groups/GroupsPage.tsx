import { Button, Group as Row, NavLink, Paper, SimpleGrid, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconUsersGroup, IconUsersPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { Loaded } from "@/app/Loaded";
import { useDomain } from "@/app/me";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import { AddMember } from "./AddMember";
import { Members } from "./Members";

type Group = Schemas["Group"];

export function GroupsPage() {
  const { t } = useTranslation("groups");
  const domain = useDomain();
  const [adding, add] = useDisclosure(false);
  const found = useQuery({ queryKey: ["groups", domain], queryFn: () => got(api.GET("/api/v1/groups")) });
  const open = useOpen();
  return (
    <Page title={t("title")} tell={t("tell")} acts={<Button leftSection={<IconUsersPlus size={16} />} onClick={add.open}>{t("new.open")}</Button>}>
      <Loaded query={found} height={240}>
        {({ groups }) => (groups.length === 0 ? <Blank icon={IconUsersGroup} title={t("none.title")} tell={t("none.tell")} /> : <Both groups={groups} />)}
      </Loaded>
      {adding ? (
        <AddMember
          close={add.close}
          added={(group) => {
            add.close();
            open(group);
          }}
        />
      ) : null}
    </Page>
  );
}

function useOpen() {
  const navigate = useNavigate();
  return (group: string) => void navigate({ to: "/admin/groups", search: { group }, replace: true });
}

function Both({ groups }: { groups: Group[] }) {
  const { t } = useTranslation("groups");
  const { group } = useSearch({ strict: false });
  const open = useOpen();
  const chosen = groups.find((one) => one.name === group) ?? groups[0];
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
      <Paper withBorder p="xs" bg="var(--raised)" component="nav" aria-label={t("title")} style={{ alignSelf: "start" }}>
        <Stack gap={2}>
          {groups.map((one) => (
            <NavLink
              key={one.name}
              component="button"
              type="button"
              active={one === chosen}
              aria-current={one === chosen}
              label={<Row justify="space-between" wrap="nowrap"><Text size="sm" truncate title={one.name}><bdi>{one.name}</bdi></Text><Text size="xs" c="var(--soft)" flex="none">{t("count", { count: one.members.length })}</Text></Row>}
              onClick={() => open(one.name)}
            />
          ))}
        </Stack>
      </Paper>
      {chosen ? <Members key={chosen.name} group={chosen} /> : null}
    </SimpleGrid>
  );
}
