import { IconAdjustments, IconBrain, IconDatabase, IconFiles, IconFlask, IconHeartbeat, IconHistory, IconKey, IconUsers, IconUsersGroup } from "@tabler/icons-react";
import type { Entry } from "./navigation";

/** The pages of those who manage, in the order of their use. */
export const MANAGING: Entry[] = [
  { to: "/admin/sources", label: "manage.sources", icon: IconDatabase },
  { to: "/admin/documents", label: "manage.documents", icon: IconFiles },
  { to: "/admin/playground", label: "manage.playground", icon: IconFlask },
  { to: "/admin/models", label: "manage.models", icon: IconBrain },
  { to: "/admin/people", label: "manage.people", icon: IconUsers, keeper: true },
  { to: "/admin/groups", label: "manage.groups", icon: IconUsersGroup },
  { to: "/admin/keys", label: "manage.keys", icon: IconKey, keeper: true },
  { to: "/admin/audit", label: "manage.audit", icon: IconHistory, keeper: true },
  { to: "/admin/health", label: "manage.health", icon: IconHeartbeat },
  { to: "/admin/settings", label: "manage.settings", icon: IconAdjustments, keeper: true },
];
