/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Users and hashed passwords, a line each:
 *
 *   NAME:HASH[:CLAIM=VALUE[;CLAIM=VALUE…]]
 *
 *   HASH  $scrypt$ln=13,r=8,p=1$SALT$KEY     RFC 7914, parameters as in the PHC string format
 *         $7$ITERATIONS$SALT$KEY             PBKDF2 with SHA-512 (RFC 8018), as mosquitto_passwd writes it
 *         $scram-sha-256$ITERATIONS$SALT$STOREDKEY$SERVERKEY   RFC 7677: the one that SCRAM can be spoken with
 *
 * SALT and KEY are base64. Empty lines and lines that begin with '#' do not count. One bad line makes the whole file bad,
 * since a file that was cut off must not let in the users that are left with half their rights (HARDENING F2).
 *
 * Pure functions over bytes; any thread. Reading the file and choosing the thread is left to the plugin. */

#include "password-file.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

#define SALT_MAX_LEN       64
#define KEY_MAX_LEN        64
#define PBKDF2_KEY_LEN     64   /* one block of SHA-512, as mosquitto writes it */
#define SCRYPT_KEY_LEN     32
#define SCRAM_KEY_LEN      32
#define MAX_ITERATIONS     10000000   /* about 5 s; ours, against a typing error */
#define MAX_MEMORY         (64 * 1024 * 1024) /* bytes of one scrypt; ours, since two may run at a time */

/* 8 MiB and about 20 ms on a server core of 2020: not felt by a person, 50 guesses a second for a thief's core. */
#define NEW_LOG_N          13
#define NEW_R              8
#define NEW_P              1
#define NEW_SALT_LEN       16
#define NEW_KEY_LEN        SCRYPT_KEY_LEN

typedef enum {
  METHOD_SCRYPT,
  METHOD_PBKDF2,
  METHOD_SCRAM,
} Method;

typedef struct {
  Method method;
  guint64 n, r, p;       /* scrypt; n is also the iterations of PBKDF2 */
  guint8 salt[SALT_MAX_LEN];
  gsize salt_len;
  guint8 key[KEY_MAX_LEN];
  gsize key_len;
  guint8 server_key[SCRAM_KEY_LEN];      /* of METHOD_SCRAM; its key is the stored key */
} Hash;

typedef struct {
  Hash hash;
  HawserPrincipal *principal;
} User;

struct _PasswordFile {
  gatomicrefcount ref_count;
  GHashTable *users;     /* name to User */
  Hash decoy;            /* for names that are not there: they must cost as much time */
};

static void
free_user (gpointer data)
{
  User *user = data;

  hawser_principal_unref (user->principal);
  g_free (user);
}

static const Hash new_hash = { METHOD_SCRYPT, 1 << NEW_LOG_N, NEW_R, NEW_P, { 0 }, NEW_SALT_LEN, { 0 }, NEW_KEY_LEN };

PasswordFile *
password_file_new_empty (void)
{
  PasswordFile *self = g_new0 (PasswordFile, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->users = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_user);
  self->decoy = new_hash;
  return self;
}

PasswordFile *
password_file_ref (PasswordFile *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
password_file_unref (PasswordFile *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_hash_table_unref (self->users);
  g_free (self);
}

guint
password_file_get_n_users (PasswordFile *self)
{
  return g_hash_table_size (self->users);
}

/* ---- hashes ---- */

/* StoredKey of RFC 5802, section 3. */
static gboolean
derive_scram (const Hash *hash, const guint8 *password, gsize len, guint8 *out_key)
{
  guint8 salted[SCRAM_KEY_LEN], client[SCRAM_KEY_LEN];
  gboolean is_done = PKCS5_PBKDF2_HMAC ((const char *) password, (int) len, hash->salt, (int) hash->salt_len, (int) hash->n, EVP_sha256 (), SCRAM_KEY_LEN, salted) == 1 &&
                     HMAC (EVP_sha256 (), salted, SCRAM_KEY_LEN, (const guint8 *) "Client Key", 10, client, NULL) != NULL &&
                     EVP_Digest (client, SCRAM_KEY_LEN, out_key, NULL, EVP_sha256 (), NULL) == 1;

  OPENSSL_cleanse (salted, sizeof salted);
  OPENSSL_cleanse (client, sizeof client);
  return is_done;
}

static gboolean
derive (const Hash *hash, const guint8 *password, gsize len, guint8 *out_key)
{
  if (hash->method == METHOD_SCRAM)
    return derive_scram (hash, password, len, out_key);
  if (hash->method == METHOD_PBKDF2)
    return PKCS5_PBKDF2_HMAC ((const char *) password, (int) len, hash->salt, (int) hash->salt_len, (int) hash->n, EVP_sha512 (), (int) hash->key_len, out_key) == 1;
  return EVP_PBE_scrypt ((const char *) password, len, hash->salt, hash->salt_len, hash->n, hash->r, hash->p, MAX_MEMORY + 1024 * 1024, out_key, hash->key_len) == 1;
}

static gboolean
decode_base64 (const char *text, guint8 *out, gsize min, gsize max, gsize *out_len)
{
  gsize len = strlen (text);
  g_autofree char *padded = NULL;
  g_autofree guint8 *bytes = NULL;

  if (len == 0 || len > 4 * (KEY_MAX_LEN + 2) / 3 + 4 || strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") != len)
    return FALSE;
  /* the PHC format writes no padding, mosquitto does */
  padded = g_strconcat (text, strchr (text, '=') == NULL ? &"==="[(len + 3) % 4] : "", NULL);
  bytes = g_base64_decode (padded, out_len);
  if (*out_len < min || *out_len > max)
    return FALSE;
  memcpy (out, bytes, *out_len);
  return TRUE;
}

static gboolean
parse_parameter (const char *text, const char *name, guint64 min, guint64 max, guint64 *out)
{
  gsize len = strlen (name);

  return strncmp (text, name, len) == 0 && text[len] == '=' && g_ascii_string_to_unsigned (text + len + 1, 10, min, max, out, NULL);
}

static gboolean
parse_scrypt (const char *text, Hash *hash)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", 4);
  guint64 log_n;

  if (g_strv_length (parts) != 3 || !parse_parameter (parts[0], "ln", 1, 20, &log_n) || !parse_parameter (parts[1], "r", 1, 32, &hash->r) ||
      !parse_parameter (parts[2], "p", 1, 16, &hash->p))
    return FALSE;
  hash->n = G_GUINT64_CONSTANT (1) << log_n;
  return 128 * hash->r * (hash->n + hash->p + 2) <= MAX_MEMORY;
}

static const char *
parse_scram (char **parts, Hash *out)
{
  gsize len;

  out->method = METHOD_SCRAM;
  out->key_len = SCRAM_KEY_LEN;
  if (g_strv_length (parts) != 6)
    return "expected $scram-sha-256$ITERATIONS$SALT$STOREDKEY$SERVERKEY";
  if (!g_ascii_string_to_unsigned (parts[2], 10, 4096, MAX_ITERATIONS, &out->n, NULL))
    return "iterations of SCRAM must be 4096 to 10000000"; /* RFC 7677, 4 */
  if (!decode_base64 (parts[3], out->salt, 8, SALT_MAX_LEN, &out->salt_len))
    return "the salt must be 8 to 64 bytes in base64";
  if (!decode_base64 (parts[4], out->key, SCRAM_KEY_LEN, SCRAM_KEY_LEN, &len) || !decode_base64 (parts[5], out->server_key, SCRAM_KEY_LEN, SCRAM_KEY_LEN, &len))
    return "the keys must be 32 bytes in base64";
  return NULL;
}

/* Returns: what is wrong, NULL when nothing is. */
static const char *
parse_hash (const char *text, Hash *out)
{
  g_auto (GStrv) parts = g_strsplit (text, "$", 7);
  gsize key_len;

  if (g_strv_length (parts) > 2 && *parts[0] == '\0' && strcmp (parts[1], "scram-sha-256") == 0)
    return parse_scram (parts, out);
  if (g_strv_length (parts) != 5 || *parts[0] != '\0')
    return "expected $scrypt$ln=N,r=N,p=N$SALT$KEY or $7$ITERATIONS$SALT$KEY";
  if (strcmp (parts[1], "scrypt") == 0)
    {
      out->method = METHOD_SCRYPT;
      if (!parse_scrypt (parts[2], out))
        return "scrypt parameters must be ln=1…20,r=1…32,p=1…16 and need at most 64 MiB";
    }
  else if (strcmp (parts[1], "7") == 0)
    {
      out->method = METHOD_PBKDF2;
      if (!g_ascii_string_to_unsigned (parts[2], 10, 1, MAX_ITERATIONS, &out->n, NULL))
        return "iterations must be 1 to 10000000";
    }
  else
    return "unknown hash; scrypt, 7 (PBKDF2 with SHA-512) and scram-sha-256 are known";
  if (!decode_base64 (parts[3], out->salt, 8, SALT_MAX_LEN, &out->salt_len))
    return "the salt must be 8 to 64 bytes in base64";
  /* exact, so that a line that was cut off is noticed */
  key_len = out->method == METHOD_SCRYPT ? SCRYPT_KEY_LEN : PBKDF2_KEY_LEN;
  if (!decode_base64 (parts[4], out->key, key_len, key_len, &out->key_len))
    return out->method == METHOD_SCRYPT ? "the key must be 32 bytes in base64" : "the key must be 64 bytes in base64";
  return NULL;
}

/* ---- lines ---- */

static const char *
parse_claims (const char *name, const char *text, HawserPrincipal **out_principal)
{
  g_auto (GStrv) claims = g_strsplit (text, ";", -1);
  gsize n = 0;

  for (gsize i = 0; claims[i] != NULL; i++)
    {
      const char *equals = strchr (g_strstrip (claims[i]), '=');

      if (*claims[i] != '\0' && (equals == NULL || equals == claims[i]))
        return "expected CLAIM=VALUE;CLAIM=VALUE after the hash";
    }
  /* an empty one, as after the last ';', is no claim */
  for (gsize i = 0; claims[i] != NULL; i++)
    {
      if (*claims[i] == '\0')
        g_free (claims[i]);
      else
        claims[n++] = claims[i];
    }
  claims[n] = NULL;
  *out_principal = hawser_principal_new_from_strings (name, (const char * const *) claims);
  return NULL;
}

static const char *
parse_line (PasswordFile *self, const char *line, gsize len)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) fields = NULL;
  g_autofree User *user = NULL;
  const char *problem;

  if (memchr (line, '\0', len) != NULL || !g_utf8_validate (line, (gssize) len, NULL))
    return "not UTF-8 text";
  text = g_strstrip (g_strndup (line, len));
  if (*text == '\0' || *text == '#')
    return NULL;
  fields = g_strsplit (text, ":", 3);
  if (g_strv_length (fields) < 2 || *fields[0] == '\0' || strlen (fields[0]) > PASSWORD_NAME_MAX_LEN)
    return "expected NAME:HASH or NAME:HASH:CLAIM=VALUE;CLAIM=VALUE";
  if (g_hash_table_contains (self->users, fields[0]))
    return "the name is there twice";

  user = g_new0 (User, 1);
  problem = parse_hash (fields[1], &user->hash);
  if (problem == NULL)
    problem = parse_claims (fields[0], fields[2] != NULL ? fields[2] : "", &user->principal);
  if (problem != NULL)
    return problem;
  self->decoy = user->hash;
  g_hash_table_insert (self->users, g_strdup (fields[0]), g_steal_pointer (&user));
  return NULL;
}

/* bytes: the whole file. Errors: HAWSER_ERROR_INVALID names the line, never what stands in it; a file without a single user
 * is an error too, so that an emptied file is noticed. */
PasswordFile *
password_file_parse (const char *bytes, gsize len, GError **error)
{
  g_autoptr (PasswordFile) self = password_file_new_empty ();
  guint line = 0;

  if (len > PASSWORD_FILE_MAX_LEN)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE, "larger than %d bytes", PASSWORD_FILE_MAX_LEN);
      return NULL;
    }
  while (len > 0)
    {
      const char *end = memchr (bytes, '\n', len);
      gsize line_len = end != NULL ? (gsize) (end - bytes) : len;
      const char *problem = parse_line (self, bytes, line_len);

      line++;
      if (problem != NULL)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "line %u: %s", line, problem);
          return NULL;
        }
      bytes += MIN (line_len + 1, len);
      len -= MIN (line_len + 1, len);
    }
  if (g_hash_table_size (self->users) == 0)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "no user in it");
      return NULL;
    }
  return g_steal_pointer (&self);
}

/* Returns: (transfer full) (nullable): who it is; NULL for a wrong password and for a name that is not there alike, after
 * the same work. Takes milliseconds on purpose: not for a lane. */
HawserPrincipal *
password_file_verify (PasswordFile *self, const char *name, const guint8 *password, gsize len)
{
  User *user = g_hash_table_lookup (self->users, name);
  const Hash *hash = user != NULL ? &user->hash : &self->decoy;
  guint8 key[KEY_MAX_LEN] = { 0 };
  gboolean is_right;

  if (len > PASSWORD_MAX_LEN || !derive (hash, password, len, key))
    return NULL;
  is_right = CRYPTO_memcmp (key, hash->key, hash->key_len) == 0;
  OPENSSL_cleanse (key, sizeof key);
  return is_right && user != NULL ? hawser_principal_ref (user->principal) : NULL;
}

/* Returns: (transfer full) (nullable): "ITERATIONS$SALT$STOREDKEY$SERVERKEY" of a user whose password is kept for SCRAM. */
char *
password_file_find_verifier (PasswordFile *self, const char *name, HawserPrincipal **out_principal)
{
  User *user = g_hash_table_lookup (self->users, name);
  g_autofree char *salt = NULL, *stored_key = NULL, *server_key = NULL;

  if (user == NULL || user->hash.method != METHOD_SCRAM)
    return NULL;
  salt = g_base64_encode (user->hash.salt, user->hash.salt_len);
  stored_key = g_base64_encode (user->hash.key, SCRAM_KEY_LEN);
  server_key = g_base64_encode (user->hash.server_key, SCRAM_KEY_LEN);
  *out_principal = hawser_principal_ref (user->principal);
  return g_strdup_printf ("%" G_GUINT64_FORMAT "$%s$%s$%s", user->hash.n, salt, stored_key, server_key);
}

/* Returns: (transfer full) (nullable) */
HawserPrincipal *
password_file_find_principal (PasswordFile *self, const char *name)
{
  User *user = g_hash_table_lookup (self->users, name);

  return user != NULL ? hawser_principal_ref (user->principal) : NULL;
}

/* Returns: (transfer full): the second field of a line for a new password, with a fresh salt. */
char *
password_file_hash (const guint8 *password, gsize len, GError **error)
{
  Hash hash = new_hash;
  guint8 key[KEY_MAX_LEN];
  g_autofree char *salt = NULL, *text = NULL;

  if (len > PASSWORD_MAX_LEN)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE, "a password is at most %d bytes", PASSWORD_MAX_LEN);
      return NULL;
    }
  if (RAND_bytes (hash.salt, (int) hash.salt_len) != 1 || !derive (&hash, password, len, key))
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "the password could not be hashed");
      return NULL;
    }
  salt = g_base64_encode (hash.salt, hash.salt_len);
  text = g_base64_encode (key, hash.key_len);
  OPENSSL_cleanse (key, sizeof key);
  return g_strdup_printf ("$scrypt$ln=%d,r=%d,p=%d$%.*s$%.*s", NEW_LOG_N, NEW_R, NEW_P, (int) strcspn (salt, "="), salt, (int) strcspn (text, "="), text);
}
