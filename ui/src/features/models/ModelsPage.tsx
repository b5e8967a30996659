import { Button, Tabs } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Page } from "@/primitives/Page";
import { Wait } from "@/primitives/Wait";
import { AddModel } from "./AddModel";
import css from "./models.module.css";
import { Answering } from "./Answering";
import { ModelList } from "./ModelList";
import { useKeeper } from "./queries";
import { SHOWN, type ModelsSearch } from "./search";

const Costs = lazy(() => import("./Costs"));
const TABS = SHOWN.filter((one) => one !== "add");

/** The models, which of them answers, and what they cost; the part that is shown stands in the address. */
export function ModelsPage() {
  const { t } = useTranslation("models");
  const navigate = useNavigate();
  const keeper = useKeeper();
  const { show = "list" }: ModelsSearch = useSearch({ strict: false });
  if (show === "add") return <AddModel />;
  const add = keeper ? <Button component={Link} to="/admin/models" search={{ show: "add" } as never} leftSection={<IconPlus size={16} />}>{t("add")}</Button> : null;
  const go = (chosen: string | null) => void navigate({ to: "/admin/models", search: (chosen === "list" ? {} : { show: chosen }) as never });
  return (
    <Page title={t("title")} tell={t("tell")} acts={add}>
      <Tabs value={show} onChange={go} keepMounted={false}>
        <Tabs.List mb="lg" className={css.tabs}>{TABS.map((one) => <Tabs.Tab key={one} value={one}>{t(`tab.${one}`)}</Tabs.Tab>)}</Tabs.List>
        <Tabs.Panel value="list"><ModelList /></Tabs.Panel>
        <Tabs.Panel value="answering"><Answering /></Tabs.Panel>
        <Tabs.Panel value="costs"><Suspense fallback={<Wait />}><Costs /></Suspense></Tabs.Panel>
      </Tabs>
    </Page>
  );
}
