import css from "./Turn.module.css";

export function Question({ text }: { text: string }) {
  return <h2 className={css.question} dir="auto">{text}</h2>;
}
