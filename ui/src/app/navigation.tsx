import { IconDatabaseExport, IconInbox, IconMessageCircle, IconQuestionMark, IconScale, IconSettings, IconTrendingUp, type Icon } from "@tabler/icons-react";
import type { ParseKeys } from "i18next";
import type { Schemas } from "@/api/client";
import { MANAGING } from "./managing";

type Role = Schemas["Role"];

/** A page of a section, in the list beside it. */
export interface Entry {
  to: string;
  label: ParseKeys;
  icon: Icon;
  /** About every domain at once: for admins of the default one. */
  keeper?: boolean;
}

/** A part of the product in the header, for whoever has the role; `entries` are its pages. */
export interface Section {
  id: string;
  to: string;
  label: ParseKeys;
  icon: Icon;
  role: Role;
  entries: Entry[];
}

/** The pages of the data team. */
const DATA_PAGES: Entry[] = [
  { to: "/data/feedback", label: "data.feedback", icon: IconInbox },
  { to: "/data/gaps", label: "data.gaps", icon: IconQuestionMark },
  { to: "/data/agreement", label: "data.agreement", icon: IconScale },
  { to: "/data/datasets", label: "data.datasets", icon: IconDatabaseExport },
  { to: "/data/candidates", label: "data.candidates", icon: IconTrendingUp },
];

/** All there is to go to. What is not listed here is not shown; its routes stand in `router.tsx`. */
export const SECTIONS: Section[] = [
  { id: "ask", to: "/", label: "section.ask", icon: IconMessageCircle, role: "user", entries: [] },
  { id: "manage", to: "/admin", label: "section.manage", icon: IconSettings, role: "admin", entries: MANAGING },
  { id: "data", to: "/data", label: "section.data", icon: IconDatabaseExport, role: "data", entries: DATA_PAGES },
];

export function sectionsFor(roles: readonly Role[]): Section[] {
  return SECTIONS.filter((one) => roles.includes(one.role));
}

/** Whether a page is within this one. */
export const within = (path: string, to: string) => path === to || path.startsWith(to === "/" ? "/c/" : `${to}/`);

/** The section that an address belongs to: the one with the longest beginning of it. */
export function sectionOf(path: string): Section | undefined {
  return SECTIONS.filter((one) => within(path, one.to)).sort((a, b) => b.to.length - a.to.length)[0];
}
