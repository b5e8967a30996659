import { Anchor } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import { Note } from "@/primitives/Note";
import { Credentials } from "./Credentials";
import { Door } from "./Door";

/** Where an invitation leads. Its token stands behind the #, where no server and no log sees it. */
export function JoinPage() {
  const { t } = useTranslation("sign-in");
  const [token, setToken] = useState(() => location.hash.slice(1));
  useEffect(() => {
    // It is taken from the address, so that it stays in no history.
    const hide = () => history.replaceState(history.state, "", location.pathname);
    // A newer link, opened where the old one was.
    const another = () => {
      if (location.hash === "") return;
      setToken(location.hash.slice(1));
      hide();
    };
    hide();
    window.addEventListener("hashchange", another);
    return () => window.removeEventListener("hashchange", another);
  }, []);
  const invited = useQuery({
    queryKey: ["invited", token],
    queryFn: () => got(api.POST("/api/v1/invitations/look", { body: { token } })),
    enabled: token !== "",
    gcTime: 0,
  });
  if (token === "") return <Door title={t("join.first")}><Note title={t("join.missing")} detail={t("join.missingTell")} /><ToSignIn /></Door>;
  if (invited.error) return <Door title={t("join.first")}><Trouble error={invited.error} /><ToSignIn /></Door>;
  if (invited.data === undefined) return null;
  const { name } = invited.data;
  return (
    <Door title={name ? t("join.welcome", { name }) : t("join.first")} tell={name ? t("join.tell") : t("join.firstTell")}>
      <Credentials
        key={token}
        name={name ?? null}
        choosing
        label={t("join.choose")}
        send={(chosen, password) => got(api.POST("/api/v1/invitations/accept", { body: { token, name: chosen, password } }))}
      />
    </Door>
  );
}

/** Whoever has an account already needs no link. */
function ToSignIn() {
  const { t } = useTranslation("sign-in");
  return <Anchor component={Link} to="/sign-in" ta="center">{t("enter")}</Anchor>;
}
