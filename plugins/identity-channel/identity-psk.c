/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The identity provider `type=psk`: keys for the handshake of TLS, and who used one. A file that is missing or broken
 * refuses everybody. Context: find_key on the lane of the handshake, everything else the caller's. */

#include "identity-channel.h"

#include <string.h>
#include <sys/stat.h>

#include "psk-file.h"

#define IDENTITY_TYPE_PSK (identity_psk_get_type())
G_DECLARE_FINAL_TYPE (IdentityPsk, identity_psk, IDENTITY, PSK, GObject)

struct _IdentityPsk {
  GObject parent_instance;
  char *keys_file, *keys_credential;
  GMutex lock;             /* of the table: a reload may come while a lane shakes hands */
  GHashTable *keys;        /* identity -> GBytes */
};

static void
take_keys (IdentityPsk *self, GHashTable *keys)
{
  GHashTable *old;

  g_mutex_lock (&self->lock);
  old = self->keys;
  self->keys = keys;
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&old, g_hash_table_unref);
}

static GHashTable *
read_keys (IdentityPsk *self, GError **error)
{
  g_autofree char *text = NULL;
  struct stat info;

  if (self->keys_file == NULL && self->keys_credential == NULL)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "needs keys-file= or keys-credential=");
      return NULL;
    }
  if (self->keys_credential == NULL && stat (self->keys_file, &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    g_warning ("keys file '%s': others than its owner may read or write it (mode %04o)", self->keys_file, (guint) info.st_mode & 07777);
  text = hawser_config_read_secret (self->keys_credential, self->keys_file, error);
  return text != NULL ? psk_file_parse (text, strlen (text), error) : NULL;
}

static gboolean
load (HawserIdentity *identity, GError **error)
{
  IdentityPsk *self = IDENTITY_PSK (identity);
  GHashTable *keys = read_keys (self, error);

  take_keys (self, keys);
  if (keys == NULL)
    g_prefix_error (error, "pre-shared keys: ");
  return keys != NULL;
}

static gboolean
understands (HawserIdentity *identity, HawserCredentialKind kind)
{
  return kind == HAWSER_CREDENTIAL_PSK;
}

static GBytes *
find_key (HawserIdentity *identity, const char *name)
{
  IdentityPsk *self = IDENTITY_PSK (identity);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GBytes *key = self->keys != NULL ? g_hash_table_lookup (self->keys, name) : NULL;

  return key != NULL ? g_bytes_ref (key) : NULL;
}

/* The handshake has proved that the peer holds the key; a key taken away since then proves nothing any more. */
static HawserPrincipal *
find_principal (HawserIdentity *identity, const char *name)
{
  g_autoptr (GBytes) key = find_key (identity, name);
  g_autofree char *claim = g_strconcat ("psk.identity=", name, NULL);
  const char *claims[] = { claim, NULL };

  return key != NULL ? hawser_principal_new_from_strings (name, claims) : NULL;
}

static HawserPrincipal *
authenticate (HawserIdentity *identity, HawserCredentialKind kind, const char *name, GBytes *secret, GError **error)
{
  HawserPrincipal *principal = name != NULL ? find_principal (identity, name) : NULL;

  if (principal != NULL)
    return principal;
  g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED, "the pre-shared key is not one of ours");
  return NULL;
}

static void
identity_init (HawserIdentityInterface *iface)
{
  iface->load = load;
  iface->understands = understands;
  iface->authenticate = authenticate;
  iface->find_key = find_key;
  iface->find_principal = find_principal;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (IdentityPsk, identity_psk, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_IDENTITY, identity_init))

static void
finalize (GObject *object)
{
  IdentityPsk *self = IDENTITY_PSK (object);

  g_clear_pointer (&self->keys, g_hash_table_unref);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (identity_psk_parent_class)->finalize (object);
}

static void
identity_psk_class_init (IdentityPskClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
  HAWSER_SETTING (klass, IdentityPsk, keys_file,
                  g_param_spec_string ("keys-file", NULL, "File of keys: IDENTITY:HEXKEY on each line", NULL, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, IdentityPsk, keys_credential,
                  g_param_spec_string ("keys-credential", NULL, "The same, by the name of a credential", NULL, HAWSER_SETTING_FLAGS));
}

static void
identity_psk_init (IdentityPsk *self)
{
  g_mutex_init (&self->lock);
}
