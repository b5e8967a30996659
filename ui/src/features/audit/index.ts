/** Who did what: the server's; what is looked for is in the address. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("audit", { en, de });
export { AuditPage } from "./AuditPage";
