import { Button, Drawer } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { IconLayoutSidebarLeftExpand } from "@tabler/icons-react";
import type { ReactNode } from "react";
import css from "./Side.module.css";

interface SideProps {
  /** What the column holds, in a word; on a phone the name of the button that opens it. */
  label: string;
  close: string;
  /** Given how to close it, for when something in it was chosen. */
  side: (chosen: () => void) => ReactNode;
  children: ReactNode;
}

/** A page with a column beside it, which a phone shows over the page when asked to. */
export function Side({ label, close, side, children }: SideProps) {
  const narrow = useMediaQuery("(max-width: 56em)", undefined, { getInitialValueInEffect: false });
  const [opened, drawer] = useDisclosure(false);
  if (!narrow)
    return (
      <div className={css.wide}>
        <aside className={css.column} aria-label={label}>{side(() => undefined)}</aside>
        {children}
      </div>
    );
  return (
    <div className={css.narrow}>
      <div className={css.bar}>
        <Button size="compact-sm" variant="subtle" color="gray" leftSection={<IconLayoutSidebarLeftExpand size={18} />} onClick={drawer.open}>
          {label}
        </Button>
      </div>
      <Drawer opened={opened} onClose={drawer.close} title={label} size="20rem" closeButtonProps={{ "aria-label": close }}>
        {side(drawer.close)}
      </Drawer>
      {children}
    </div>
  );
}
