import { IconBrain, IconDatabase, IconFiles, IconFlask } from "@tabler/icons-react";
import type { Entry } from "./navigation";

/** The pages of those who manage, in the order of their use. */
export const MANAGING: Entry[] = [
  { to: "/admin/sources", label: "manage.sources", icon: IconDatabase },
  { to: "/admin/documents", label: "manage.documents", icon: IconFiles },
  { to: "/admin/playground", label: "manage.playground", icon: IconFlask },
  { to: "/admin/models", label: "manage.models", icon: IconBrain },
];
