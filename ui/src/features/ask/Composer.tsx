import { ActionIcon, Textarea, Tooltip } from "@mantine/core";
import { IconArrowUp, IconPlayerStopFilled } from "@tabler/icons-react";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { counted } from "@/app/lasting";
import css from "./Composer.module.css";

interface ComposerProps {
  /** What stands in it at first. Another `key` puts something else there. */
  draft: string;
  onSend: (question: string) => void;
  onType: (text: string) => void;
  /** Given while an answer is being made. */
  onStop?: (() => void) | undefined;
  children?: ReactNode;
}

/** No question is longer. */
const LONGEST = 20_000;

/** Where one asks: Enter sends, Shift and Enter begin a new line. */
export function Composer({ draft, onSend, onType, onStop, children }: ComposerProps) {
  const { t } = useTranslation("ask");
  const field = useRef<HTMLTextAreaElement>(null);
  const [value, setValue] = useState(draft);
  useEffect(() => field.current?.focus({ preventScroll: true }), []);
  // Counted as the server counts, and told: what was cut off without a word would be missed by nobody.
  const over = value.length > LONGEST ? Array.from(value).length - LONGEST : 0;
  const ready = value.trim() !== "" && over <= 0 && onStop === undefined;
  const type = (text: string) => {
    setValue(text);
    onType(text);
  };
  const send = () => {
    if (!ready) return;
    type("");
    onSend(value);
  };
  return (
    <form
      className={css.composer}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Textarea
        ref={field}
        variant="unstyled"
        aria-label={t("composer.label")}
        placeholder={t("composer.placeholder")}
        autosize
        minRows={1}
        maxRows={8}
        value={value}
        error={over > 0 ? t("composer.tooLong", { count: over, over: counted(over), longest: counted(LONGEST) }) : undefined}
        onChange={(event) => type(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          send();
        }}
        classNames={{ input: css.input ?? "" }}
      />
      <div className={css.row}>
        <div className={css.tools}>{children}</div>
        {onStop ? (
          <Tooltip label={t("composer.stop")}><ActionIcon size="lg" radius="xl" variant="filled" color="slate" aria-label={t("composer.stop")} onClick={onStop}><IconPlayerStopFilled size={16} /></ActionIcon></Tooltip>
        ) : (
          <ActionIcon size="lg" radius="xl" variant="filled" color="slate" type="submit" disabled={!ready} aria-label={t("composer.send")}><IconArrowUp size={20} /></ActionIcon>
        )}
      </div>
    </form>
  );
}
