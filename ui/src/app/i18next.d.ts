import "i18next";
import type account from "@/features/account/en.json";
import type ask from "@/features/ask/en.json";
import type signIn from "@/features/sign-in/en.json";
import type source from "@/features/source/en.json";
import type models from "@/features/models/en.json";
import type documents from "@/features/documents/en.json";
import type playground from "@/features/playground/en.json";
import type sources from "@/features/sources/en.json";
import type audit from "@/features/audit/en.json";
import type health from "@/features/health/en.json";
import type settings from "@/features/settings/en.json";
import type groups from "@/features/groups/en.json";
import type keys from "@/features/keys/en.json";
import type people from "@/features/people/en.json";
import type inbox from "@/features/inbox/en.json";
import type gaps from "@/features/gaps/en.json";
import type agreement from "@/features/agreement/en.json";
import type candidates from "@/features/candidates/en.json";
import type datasets from "@/features/datasets/en.json";
import type app from "./en.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "app";
    resources: { app: typeof app; ask: typeof ask; account: typeof account; "sign-in": typeof signIn; source: typeof source; sources: typeof sources; documents: typeof documents; playground: typeof playground; models: typeof models; people: typeof people; groups: typeof groups; keys: typeof keys; audit: typeof audit; health: typeof health; settings: typeof settings; inbox: typeof inbox; gaps: typeof gaps; agreement: typeof agreement; datasets: typeof datasets; candidates: typeof candidates };
  }
}
