/** Who is in which group of a domain: the server's; the group that is open is in the address. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("groups", { en, de });
export { GroupsPage } from "./GroupsPage";
