/** Versions of datasets: built, looked into, taken away in the format of whoever reads them. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("datasets", { en, de });
export { DatasetsPage } from "./DatasetsPage";
