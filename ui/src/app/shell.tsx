import { Badge, NavLink, Select, Stack, Text, Tooltip } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { Blank } from "@/primitives/Blank";
import { Side } from "@/primitives/Side";
import { Wait } from "@/primitives/Wait";
import { AccountMenu } from "./AccountMenu";
import { useDomain, useDomains, useMe } from "./me";
import { sectionOf, sectionsFor, within, type Section } from "./navigation";
import css from "./shell.module.css";
import { Trouble } from "./Trouble";

/** Header, the list of a section's pages, and the page; for whoever is known here. */
export function Shell() {
  const { t } = useTranslation();
  const me = useMe();
  const section = useRouterState({ select: (state) => sectionOf(state.location.pathname) });
  return (
    <div className={css.shell}>
      <a className={css.skip} href="#main">{t("skip")}</a>
      <header className={css.header}>
        <Link to="/" className={css.brand} aria-label={t("product")}>
          <img src="/static/icon.svg" alt="" width={26} height={26} />
          <span>{t("product")}</span>
        </Link>
        {me.data ? <Bar me={me.data} section={section} /> : null}
      </header>
      <main id="main" className={css.main}>
        {me.data ? <Within me={me.data} section={section} /> : me.error ? <Stack p="xl"><Trouble error={me.error} again={() => void me.refetch()} /></Stack> : <Wait label={t("loading")} />}
      </main>
    </div>
  );
}

function Bar({ me, section }: { me: Schemas["Me"]; section: Section | undefined }) {
  const { t } = useTranslation();
  const sections = sectionsFor(me.roles);
  return (
    <>
      <Domains />
      <nav className={css.sections} aria-label={t("section.label")}>
        {sections.length > 1
          ? sections.map(({ id, to, label, icon: Sign }) => (
              <Link key={id} to={to} className={css.section} aria-label={t(label)} aria-current={section?.id === id ? "page" : undefined} activeProps={{}}>
                <Sign size={18} stroke={1.7} aria-hidden />
                <span>{t(label)}</span>
              </Link>
            ))
          : null}
      </nav>
      {me.carrier === "machine" ? (
        <Tooltip label={t("single.tell")} multiline w={280} events={{ hover: true, focus: true, touch: true }}>
          <Badge variant="light" color="gray" tt="none" tabIndex={0} className={css.single}>{t("single.badge")}</Badge>
        </Tooltip>
      ) : null}
      <AccountMenu me={me} />
    </>
  );
}

function Domains() {
  const { t } = useTranslation();
  const domains = useDomains().data?.domains ?? [];
  const domain = useDomain() ?? domains[0] ?? null;
  const navigate = useNavigate();
  const page = useRouterState({ select: ({ location: { pathname } }) => sectionOf(pathname)?.entries.find((one) => within(pathname, one.to))?.to });
  if (domains.length < 2) return domain ? <Text className={css.domain} c="var(--soft)" size="sm" truncate>{domain}</Text> : null;
  return (
    <Select
      className={css.domain}
      size="xs"
      aria-label={t("domain.switch")}
      data={domains}
      value={domain}
      allowDeselect={false}
      comboboxProps={{ width: "max-content", position: "bottom-start" }}
      onChange={(chosen) => void navigate({ to: page ?? "/", search: { domain: chosen ?? undefined } as { domain?: string } })}
    />
  );
}

function Within({ me, section }: { me: Schemas["Me"]; section: Section | undefined }) {
  const { t } = useTranslation();
  const path = useRouterState({ select: (state) => state.location.pathname });
  if (!section?.entries.length) return <Outlet />;
  if (!me.roles.includes(section.role)) return <Blank icon={IconLock} title={t("problem.forbidden")} tell={t("closed.role")} />;
  const open = section.entries.filter((one) => me.keeper || !one.keeper);
  const closed = section.entries.some((one) => within(path, one.to)) && !open.some((one) => within(path, one.to));
  return (
    <Side
      label={t("menu.pages")}
      close={t("action.close")}
      side={(chosen) => (
        <nav aria-label={t(section.label)}>
          {open.map(({ to, label, icon: Sign }) => (
            <NavLink key={to} component={Link} to={to} label={t(label)} leftSection={<Sign size={18} stroke={1.7} />} active={within(path, to)} onClick={chosen} className={css.entry} />
          ))}
        </nav>
      )}
    >
      {closed ? <Blank icon={IconLock} title={t("problem.forbidden")} tell={t("closed.keeper")} /> : <Outlet />}
    </Side>
  );
}
