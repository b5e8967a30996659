import { Badge, Group, Paper, Stack, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { counted } from "@/app/lasting";
import { useSaid } from "@/app/said";
import { ago, moment } from "@/app/when";
import type { Verification } from "./queries";

/** What a library did with a version: rows in and kept, losses, what is wrong. */
export function Verdict({ one }: { one: Verification }) {
  const { t } = useTranslation("datasets");
  const say = useSaid();
  const { report } = one;
  const title = t("verify.one", { consumer: report.consumer, format: one.format || t("verify.built") });
  const losses = new Map(report.losses.map((each) => [each.path, each.losses.map((loss) => (loss === null ? t("verify.noNumber") : counted(loss, 3))).join(" → ")]));
  return (
    <Paper withBorder p="sm" component="article" aria-label={title}>
      <Stack gap="xs">
        <Group gap="sm">
          <Badge color={report.ok ? "green" : "red"} variant="light">{report.ok ? t("verify.ok") : t("verify.bad")}</Badge>
          <Text size="sm" fw={600}>{title}</Text>
          <Text size="xs" c="var(--soft)" title={moment(one.at)}>{t("verify.when", { when: ago(one.at), by: one.by })}</Text>
        </Group>
        {report.loaded.length ? (
          <Table.ScrollContainer minWidth={420} type="native" tabIndex={0} aria-label={title}>
            <Table>
              <Table.Thead><Table.Tr><Table.Th>{t("verify.file")}</Table.Th><Table.Th ta="right">{t("verify.rows")}</Table.Th><Table.Th ta="right">{t("verify.kept")}</Table.Th>{losses.size ? <Table.Th>{t("verify.loss")}</Table.Th> : null}</Table.Tr></Table.Thead>
              <Table.Tbody>
                {report.loaded.map((each) => (
                  <Table.Tr key={each.path}>
                    <Table.Td style={{ overflowWrap: "anywhere" }}>{each.path}</Table.Td>
                    <Table.Td ta="right">{counted(each.rows)}</Table.Td>
                    <Table.Td ta="right" {...(each.kept < each.rows ? { c: "var(--mantine-color-red-text)", fw: 600 } : {})}>{counted(each.kept)}</Table.Td>
                    {losses.size ? <Table.Td>{losses.get(each.path) ?? ""}</Table.Td> : null}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        ) : null}
        {report.problems.length ? (
          <Stack component="ul" gap={4} m={0} pl="md">
            {report.problems.map((each, n) => (
              <Text component="li" size="sm" key={n} style={{ overflowWrap: "anywhere" }}>
                <Text span fw={600} {...(each.fatal ? { c: "var(--mantine-color-red-text)" } : {})}>{each.fatal ? t("verify.problem") : t("verify.known")}</Text>{each.where ? ` (${each.where})` : ""}: {say(each.text)}
              </Text>
            ))}
          </Stack>
        ) : null}
        <Text size="xs" c="var(--soft)" style={{ overflowWrap: "anywhere" }}>{t("verify.ran", { what: report.loaded.length || report.consumer === "openai-shape" ? t(`verify.executed.${report.consumer}`) : report.executed })}{Object.entries(report.versions).map(([name, number]) => ` · ${name} ${number}`).join("")}</Text>
      </Stack>
    </Paper>
  );
}
