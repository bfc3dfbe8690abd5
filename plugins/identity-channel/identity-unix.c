/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The identity provider `type=unix`: the user behind the other end of a Unix socket, as the kernel says. Names come from
 * /etc/passwd, read once: asking a directory service would block the lane. Context: the caller's. */

#include "identity-channel.h"

#include <pwd.h>
#include <stdio.h>

#define MAX_USERS 100000

#define IDENTITY_TYPE_UNIX (identity_unix_get_type())
G_DECLARE_FINAL_TYPE (IdentityUnix, identity_unix, IDENTITY, UNIX, GObject)

struct _IdentityUnix {
  GObject parent_instance;
  GHashTable *names;       /* uid -> name */
};

static gboolean
load (HawserIdentity *identity, GError **error)
{
  IdentityUnix *self = IDENTITY_UNIX (identity);
  FILE *file = fopen ("/etc/passwd", "re");
  struct passwd *entry;

  g_hash_table_remove_all (self->names);
  while (file != NULL && g_hash_table_size (self->names) < MAX_USERS && (entry = fgetpwent (file)) != NULL)
    if (g_utf8_validate (entry->pw_name, -1, NULL) && !g_hash_table_contains (self->names, GUINT_TO_POINTER (entry->pw_uid)))
      g_hash_table_insert (self->names, GUINT_TO_POINTER (entry->pw_uid), g_strdup (entry->pw_name));
  if (file != NULL)
    fclose (file);
  return TRUE; /* without the file there are numbers */
}

static gboolean
understands (HawserIdentity *identity, HawserCredentialKind kind)
{
  return kind == HAWSER_CREDENTIAL_USER;
}

static HawserPrincipal *
authenticate (HawserIdentity *identity, HawserCredentialKind kind, const char *name, GBytes *secret, GError **error)
{
  IdentityUnix *self = IDENTITY_UNIX (identity);
  g_auto (GStrv) parts = g_strsplit (name != NULL ? name : "", ":", 4);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) claims = NULL;
  const char *user;
  guint64 uid;

  if (g_strv_length (parts) != 3 || !g_ascii_string_to_unsigned (parts[0], 10, 0, G_MAXUINT32, &uid, NULL))
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED, "the peer has no user");
      return NULL;
    }
  user = g_hash_table_lookup (self->names, GUINT_TO_POINTER ((guint) uid));
  for (guint i = 0; i < 4; i++)
    {
      static const char * const claim_names[] = { "unix.uid", "unix.gid", "unix.pid", "unix.user" };
      g_autofree char *claim = i < 3 || user != NULL ? g_strconcat (claim_names[i], "=", i < 3 ? parts[i] : user, NULL) : NULL;

      if (claim != NULL)
        g_strv_builder_add (builder, claim);
    }
  claims = g_strv_builder_end (builder);
  return hawser_principal_new_from_strings (user != NULL ? user : parts[0], (const char * const *) claims);
}

static void
identity_init (HawserIdentityInterface *iface)
{
  iface->load = load;
  iface->understands = understands;
  iface->authenticate = authenticate;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (IdentityUnix, identity_unix, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_IDENTITY, identity_init))

static void
finalize (GObject *object)
{
  g_hash_table_unref (IDENTITY_UNIX (object)->names);
  G_OBJECT_CLASS (identity_unix_parent_class)->finalize (object);
}

static void
identity_unix_class_init (IdentityUnixClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
identity_unix_init (IdentityUnix *self)
{
  self->names = g_hash_table_new_full (NULL, NULL, NULL, g_free);
}
