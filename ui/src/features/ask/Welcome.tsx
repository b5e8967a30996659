import { Skeleton, Text, Title, UnstyledButton } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Trouble } from "@/app/Trouble";
import { useAbout } from "./talks";
import css from "./Welcome.module.css";

/** A conversation that has not begun: what the domain is about, and what could be asked. */
export function Welcome({ onAsk }: { onAsk: (question: string) => void }) {
  const { t } = useTranslation("ask");
  const about = useAbout();
  if (about.error) return <Trouble error={about.error} again={() => void about.refetch()} />;
  return (
    <section className={css.welcome}>
      {about.data ? <Title order={1} className={css.title}><bdi>{t("welcome.title", { title: about.data.title })}</bdi></Title> : <Skeleton h={36} w="60%" />}
      {about.data ? <Text c="var(--soft)" maw={560} style={{ overflowWrap: "anywhere" }}>{about.data.description || t("welcome.tell")}</Text> : <Skeleton h={20} w="80%" />}
      {about.data?.suggested_questions.length ? (
        <>
          <Text size="sm" fw={600} mt="lg">{t("welcome.try")}</Text>
          <ul className={css.cards}>
            {about.data.suggested_questions.map((one) => (
              <li key={one}><UnstyledButton className={css.card} onClick={() => onAsk(one)}>{one}</UnstyledButton></li>
            ))}
          </ul>
        </>
      ) : null}
    </section>
  );
}
