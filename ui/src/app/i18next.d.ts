import "i18next";
import type account from "@/features/account/en.json";
import type ask from "@/features/ask/en.json";
import type signIn from "@/features/sign-in/en.json";
import type source from "@/features/source/en.json";
import type models from "@/features/models/en.json";
import type documents from "@/features/documents/en.json";
import type playground from "@/features/playground/en.json";
import type sources from "@/features/sources/en.json";
import type app from "./en.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "app";
    resources: { app: typeof app; ask: typeof ask; account: typeof account; "sign-in": typeof signIn; source: typeof source; sources: typeof sources; documents: typeof documents; playground: typeof playground; models: typeof models };
  }
}
