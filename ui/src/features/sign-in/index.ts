/** Signing in and following an invitation. Who is signed in is the server's to know: a cookie. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("sign-in", { en, de });
export { JoinPage } from "./JoinPage";
export { SignInPage } from "./SignInPage";
