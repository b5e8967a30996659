/** What people asked and were not answered: questions that ask much the same are one gap. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("gaps", { en, de });
export { GapsPage } from "./GapsPage";
