/** Who may sign in: all of it is the server's; the search and the person looked at are in the address. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("people", { en, de });
export { PeoplePage } from "./PeoplePage";
