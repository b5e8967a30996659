/** One's own account. Everything on it is the server's; the fields hold only what is being typed. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("account", { en, de });
export { AccountPage } from "./AccountPage";
