import { Alert, Anchor, Badge, Group, Paper, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { IconArrowLeft, IconSearch, IconSearchOff } from "@tabler/icons-react";
import { Link, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { Loaded } from "@/app/Loaded";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import { NewSource } from "./NewSource";
import { useConnectors } from "./queries";
import css from "./sources.module.css";
import { useTold } from "./form/told";

type Connector = Schemas["ConnectorInfo"];

/** First what kind of source, then its form; which kind stands in the address. */
export function AddSourcePage() {
  const { t } = useTranslation("sources");
  const { connector } = useSearch({ strict: false });
  const connectors = useConnectors();
  return (
    <Page title={connector === undefined ? t("gallery.title") : t("gallery.chosen", { connector })} tell={connector === undefined ? t("gallery.tell") : ""}>
      <Anchor component={Link} to={connector === undefined ? "/admin/sources" : "/admin/sources/add"} search={{} as never} size="sm">
        <Group gap={4} component="span"><IconArrowLeft size={16} aria-hidden />{connector === undefined ? t("title") : t("gallery.other")}</Group>
      </Anchor>
      <Loaded query={connectors} height={320}>
        {({ connectors: all }) => {
          if (connector === undefined) return <Gallery connectors={all} />;
          const chosen = all.find((one) => one.name === connector);
          return chosen ? <NewSource key={chosen.name} connector={chosen} /> : <Blank icon={IconSearchOff} title={t("gallery.unknown")} tell={t("gallery.unknownTell")} />;
        }}
      </Loaded>
    </Page>
  );
}

function Gallery({ connectors }: { connectors: Connector[] }) {
  const { t } = useTranslation("sources");
  const tell = useTold();
  const [sought, setSought] = useState("");
  const fits = ({ name, about }: Connector) => `${name} ${about} ${tell(about)}`.toLowerCase().includes(sought.trim().toLowerCase());
  const found = connectors.filter(fits);
  return (
    <Stack gap="md">
      <TextInput leftSection={<IconSearch size={16} />} placeholder={t("gallery.search")} aria-label={t("gallery.search")} value={sought} onChange={(event) => setSought(event.currentTarget.value)} maw={360} />
      {found.length === 0 ? <Blank icon={IconSearchOff} title={t("gallery.nothing")} tell={t("gallery.nothingTell")} /> : null}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} component="ul" m={0} p={0} className={css.list}>
        {found.map((one) => <li key={one.name}><Card connector={one} /></li>)}
      </SimpleGrid>
    </Stack>
  );
}

function Card({ connector: { name, about, verified, problem } }: { connector: Connector }) {
  const { t } = useTranslation("sources");
  const tell = useTold();
  const inside = (
    <Stack gap={6}>
      <Group justify="space-between" wrap="nowrap"><Text fw={600}>{name}</Text>{problem ? <Badge color="red" variant="light" tt="none">{t("gallery.broken")}</Badge> : null}</Group>
      <Text size="sm">{tell(about)}</Text>
      {verified ? <Text size="xs" c="var(--soft)">{t("gallery.verified", { against: verified })}</Text> : null}
      {problem ? <Alert color="red" variant="light" p="xs"><Text size="xs" className={css.told}>{problem}</Text></Alert> : null}
    </Stack>
  );
  if (problem) return <Paper withBorder p="md" h="100%" bg="var(--raised)">{inside}</Paper>;
  return <Paper withBorder p="md" h="100%" bg="var(--raised)" className={css.connector} component={Link} to="/admin/sources/add" search={{ connector: name } as never} td="none">{inside}</Paper>;
}
