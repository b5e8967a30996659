import { Anchor, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { addressed, api, got } from "@/api/client";
import { useDomain } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { moment } from "@/app/when";
import { Facts } from "@/primitives/Facts";
import type { Origin, Traced } from "./origin";

/** Why a row is in a version: what was asked, of what the answer was made, who judged it and who let it in. */
export function Why({ origin, license }: { origin: Origin; license: string }) {
  const { t } = useTranslation("datasets");
  return (
    <Stack gap="sm" mt={6}>
      <Facts facts={[[t("why.people"), origin.people], [t("why.score"), origin.score.toFixed(2)], [t("why.text"), origin.text_by ? t(`why.by.${origin.text_by}`) : t("why.by.none")], [t("why.license"), license], [t("why.cluster"), origin.cluster.slice(0, 8)], [t("why.redaction"), origin.redaction_rev.slice(0, 12) || t("redaction.none.title")]]} />
      {origin.traces.map((trace) => <Answer key={trace.id} trace={trace} origin={origin} />)}
    </Stack>
  );
}

function Answer({ trace, origin }: { trace: Traced; origin: Origin }) {
  const { t } = useTranslation("datasets");
  const domain = useDomain();
  const made = useQuery({ queryKey: ["made", domain, trace.id], queryFn: () => got(api.GET("/api/v1/feedback/answers/{trace_id}", { params: { path: { trace_id: trace.id } } })) });
  const said = useQuery({ queryKey: ["inbox", "of", domain, trace.id], queryFn: () => got(api.GET("/api/v1/feedback/reviews", { params: { query: { trace: trace.id, ...(domain === undefined ? {} : { domain }) } } })) });
  const titles = new Map(made.data?.passages.map((one) => [one.document_id, one.title]));
  const reviews = new Map(said.data?.verdicts.map((one) => [one.feedback.id, one]));
  const rewritten = trace.standalone !== trace.question ? trace.standalone : t("why.same");
  return (
    <Stack gap={6} component="section" aria-label={trace.question}>
      <Facts
        facts={[
          [t("why.question"), trace.question],
          [t("why.rewritten"), rewritten],
          [t("why.asked"), `${moment(trace.asked_at)} · ${trace.asker.slice(0, 8)}`],
          [t("why.model"), `${trace.model} (${t(`why.policy.${trace.output_training_policy}`)})`],
          [t("why.prompt"), trace.prompt.template ? `${trace.prompt.template} ${trace.prompt.sha256.slice(0, 12)}` : t("why.noPrompt")],
          [t("why.generation"), trace.generation.slice(0, 8)],
          [t("why.consent"), trace.consent.purposes.map((one) => t(`why.purpose.${one}`)).join(", ")],
        ]}
      />
      <Text size="xs" c="var(--soft)">{t("why.documents")}</Text>
      <Stack component="ul" gap={2} m={0} pl="md">
        {trace.documents.map((one) => (
          <Text component="li" size="sm" key={one.chunk} style={{ overflowWrap: "anywhere" }}>
            <Anchor size="sm" href={addressed(`/api/v1/documents/${encodeURIComponent(one.id)}/versions/${String(one.version)}/original`)} download>{titles.get(one.id) || t("why.document")}</Anchor>, {t("why.version", { version: one.version })}; {t(one.cited ? "why.cited" : one.in_context ? "why.given" : "why.found")}
          </Text>
        ))}
      </Stack>
      <Text size="xs" c="var(--soft)">{t("why.opinions")}</Text>
      <Stack component="ul" gap={2} m={0} pl="md">
        {origin.opinions.filter(({ event }) => origin.traces.length === 1 || reviews.has(event)).map(({ event, rater, value, expert }) => {
          const review = reviews.get(event);
          return (
            <Text component="li" size="sm" key={event}>
              <bdi>{rater.slice(0, 8)}</bdi>{expert ? ` (${t("why.expert")})` : ""}: {t(value > 0 ? "why.up" : "why.down")}{review ? ` · ${review.feedback.signal} · ${t(`why.state.${review.state}`)}${review.reviewed_by ? ` ${t("why.reviewer", { who: review.reviewed_by })}` : ""}${review.note ? `: ${review.note}` : ""}` : ""}
            </Text>
          );
        })}
      </Stack>
      {made.error ?? said.error ? <Trouble error={made.error ?? said.error} /> : null}
      <Anchor component={Link} to="/data/feedback" search={{ state: "any", trace: trace.id } as never} size="sm">{t("why.open")}</Anchor>
    </Stack>
  );
}
