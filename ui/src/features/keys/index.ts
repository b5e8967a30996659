/** What programs carry: everybody's keys for admins, one's own for anybody. All of it is the server's. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("keys", { en, de });
export { KeysPage } from "./KeysPage";
export { OwnKeys } from "./OwnKeys";
