import { Anchor, Button, Divider, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { forgetRefusal, goOnAt, refusal, whereToGoOn } from "@/app/door";
import { Trouble } from "@/app/Trouble";
import { Note } from "@/primitives/Note";
import { Credentials } from "./Credentials";
import { Door } from "./Door";

export function SignInPage() {
  const { t } = useTranslation("sign-in");
  const [refused] = useState(refusal);
  useEffect(forgetRefusal, []);
  const { ended, next: said } = useSearch({ strict: false });
  const [kept] = useState(whereToGoOn);
  // What stands behind the #, as in a shared link, is for this browser alone.
  const next = said === undefined ? (kept ?? "/") : `${said}${location.hash}`;
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
      {ended && !refused ? <Text ta="center" c="var(--soft)" role="status">{t("ended")}</Text> : null}
      {refused ? <Note title={t("refused")} detail={refused} /> : null}
      {ways.data.provider ? (
        <>
          <Button component="a" href="/api/v1/oidc/start" onClick={() => goOnAt(next)} variant="default" fullWidth>{t("with", { provider: ways.data.provider })}</Button>
          <Divider label={t("or")} />
        </>
      ) : null}
      <Credentials next={next} choosing={false} label={t("enter")} send={(name, password) => got(api.POST("/api/v1/session", { body: { name, password } }))} />
    </Door>
  );
}
