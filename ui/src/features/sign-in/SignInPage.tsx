import { Anchor, Button, Divider, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import { Note } from "@/primitives/Note";
import { Credentials } from "./Credentials";
import { Door } from "./Door";

/** What the way back from the identity provider has to say stands behind the #. */
function told(): string {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

export function SignInPage() {
  const { t } = useTranslation("sign-in");
  const [refusal] = useState(told);
  const ended = useSearch({ strict: false }).ended;
  const ways = useQuery({ queryKey: ["ways"], queryFn: () => got(api.GET("/api/v1/sign-in")) });
  if (ways.error) return <Door title={t("title")}><Trouble error={ways.error} again={() => void ways.refetch()} /></Door>;
  if (ways.data === undefined) return null;
  if (!ways.data.accounts)
    return (
      <Door title={t("none")} tell={t("noneTell")}>
        <Anchor component={Link} to="/" ta="center">{t("go")}</Anchor>
      </Door>
    );
  return (
    <Door title={t("title")}>
      {ended && !refusal ? <Text ta="center" c="var(--soft)" role="status">{t("ended")}</Text> : null}
      {refusal ? <Note title={t("refused")} detail={refusal} /> : null}
      {ways.data.provider ? (
        <>
          <Button component="a" href="/api/v1/oidc/start" variant="default" fullWidth>{t("with", { provider: ways.data.provider })}</Button>
          <Divider label={t("or")} />
        </>
      ) : null}
      <Credentials choosing={false} label={t("enter")} send={(name, password) => api.POST("/api/v1/session", { body: { name, password } })} />
    </Door>
  );
}
