import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { isAnother } from "@/app/door";
import { Trouble } from "@/app/Trouble";

interface CredentialsProps {
  /** Whose they are, where that is settled already. */
  name?: string | null;
  choosing: boolean;
  label: string;
  /** Where to go on. */
  next?: string;
  send: (name: string, password: string) => Promise<{ id: string }>;
}

/** A name and a password; once they are taken, the page goes on to where one wanted to be. */
export function Credentials({ name: known, choosing, label, next = "/", send }: CredentialsProps) {
  const { t } = useTranslation("sign-in");
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const entering = useMutation({
    mutationFn: () => send(known ?? name, password),
    onError: () => {
      // What was refused is not sent again by mistake; chosen anew, it is mended where it stands.
      if (!choosing) setPassword("");
      field.current?.focus();
    },
    onSuccess: ({ id }) => {
      if (isAnother(id)) {
        location.replace(next);
        return;
      }
      client.clear();
      return navigate({ href: next });
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        entering.mutate();
      }}
    >
      <Stack>
        {entering.error ? <Trouble error={entering.error} /> : null}
        <TextInput label={t("name")} name="name" autoComplete="username" required data-autofocus maxLength={100} withAsterisk={false} value={known ?? name} readOnly={Boolean(known)} onChange={(event) => setName(event.currentTarget.value)} />
        <PasswordInput ref={field} label={t("password")} name="password" autoComplete={choosing ? "new-password" : "current-password"} required withAsterisk={false} maxLength={1000} value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
        <Button type="submit" fullWidth loading={entering.isPending}>{label}</Button>
      </Stack>
    </form>
  );
}
