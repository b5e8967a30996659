import { ActionIcon, Textarea, Tooltip } from "@mantine/core";
import { IconArrowUp, IconPlayerStopFilled } from "@tabler/icons-react";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import css from "./Composer.module.css";

interface ComposerProps {
  /** What stands in it at first. Another `key` puts something else there. */
  draft: string;
  onSend: (question: string) => void;
  /** Given while an answer is being made. */
  onStop?: (() => void) | undefined;
  children?: ReactNode;
}

/** Where one asks: Enter sends, Shift and Enter begin a new line. */
export function Composer({ draft, onSend, onStop, children }: ComposerProps) {
  const { t } = useTranslation("ask");
  const field = useRef<HTMLTextAreaElement>(null);
  const [value, setValue] = useState(draft);
  useEffect(() => field.current?.focus({ preventScroll: true }), []);
  const ready = value.trim() !== "" && onStop === undefined;
  const send = () => {
    if (!ready) return;
    setValue("");
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
        maxLength={20_000}
        value={value}
        onChange={(event) => setValue(event.currentTarget.value)}
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
