/** How far people agree with each other: on the whole, month by month, each rater, each answer. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("agreement", { en, de });
export { AgreementPage } from "./AgreementPage";
