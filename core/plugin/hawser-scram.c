/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SCRAM-SHA-256, the server's side: three messages in, two out. The password never comes here, nor could it be made of what
 * is stored. Who the user is, and what is stored of him, is the identity provider's. Any thread. */

#include "hawser-scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

#define KEY_LEN 32
#define NONCE_LEN 18                 /* bytes, 24 letters in base64; ours: guessing it must be hopeless */
#define DECOY_ITERATIONS 4096        /* RFC 7677, 4: what most who are there have */

struct _HawserScram {
  char *user;
  char *client_first_bare;
  char *gs2;                         /* the header, as "c=" must repeat it */
  char *nonce;                       /* the client's and ours */
  char *server_first;
  guint8 stored_key[KEY_LEN], server_key[KEY_LEN];
  gboolean is_known;
};

HawserScram *
hawser_scram_new (void)
{
  return g_new0 (HawserScram, 1);
}

void
hawser_scram_free (HawserScram *self)
{
  if (self == NULL)
    return;
  g_free (self->user);
  g_free (self->client_first_bare);
  g_free (self->gs2);
  g_free (self->nonce);
  g_free (self->server_first);
  OPENSSL_cleanse (self->stored_key, sizeof self->stored_key);
  OPENSSL_cleanse (self->server_key, sizeof self->server_key);
  g_free (self);
}

static char *
take_text (const guint8 *message, gsize len)
{
  if (len == 0 || len > HAWSER_SCRAM_MAX_LEN || !g_utf8_validate_len ((const char *) message, len, NULL))
    return NULL;
  return g_strndup ((const char *) message, len);
}

/* "=2C" is a comma and "=3D" an equals sign; no other '=' may stand in a name (RFC 5802, 5.1). */
static char *
decode_name (const char *text)
{
  GString *name = g_string_new (NULL);

  for (const char *at = text; *at != '\0'; at++)
    if (*at != '=')
      g_string_append_c (name, *at);
    else if (strncmp (at, "=2C", 3) == 0 || strncmp (at, "=3D", 3) == 0)
      {
        g_string_append_c (name, at[1] == '2' ? ',' : '=');
        at += 2;
      }
    else
      return g_string_free (name, TRUE);
  return g_string_free (name, FALSE);
}

static gboolean
is_nonce (const char *text)
{
  for (const char *at = text; *at != '\0'; at++)
    if (*at < 0x21 || *at > 0x7e || *at == ',')
      return FALSE;
  return *text != '\0';
}

const char *
hawser_scram_begin (HawserScram *self, const guint8 *message, gsize len)
{
  g_autofree char *text = take_text (message, len);
  g_auto (GStrv) parts = NULL;
  const char *bare;

  if (text == NULL || self->user != NULL)
    return NULL;
  /* "n,," or "y,,": without channel binding, on one's own behalf */
  if (strncmp (text, "n,,", 3) != 0 && strncmp (text, "y,,", 3) != 0)
    return NULL;
  bare = text + 3;
  parts = g_strsplit (bare, ",", 4);
  if (g_strv_length (parts) < 2 || strncmp (parts[0], "n=", 2) != 0 || strncmp (parts[1], "r=", 2) != 0 || !is_nonce (parts[1] + 2))
    return NULL;
  self->user = decode_name (parts[0] + 2);
  if (self->user == NULL || *self->user == '\0')
    return NULL;
  self->gs2 = g_strndup (text, 3);
  self->client_first_bare = g_strdup (bare);
  self->nonce = g_strdup (parts[1] + 2);
  return self->user;
}

static gboolean
decode_key (const char *text, guint8 *out)
{
  gsize len;
  g_autofree guint8 *bytes = g_base64_decode (text, &len);

  if (len != KEY_LEN)
    return FALSE;
  memcpy (out, bytes, KEY_LEN);
  return TRUE;
}

/* The same salt for the same name each time, as a real one would have. */
static char *
make_decoy_salt (const char *user)
{
  static guint8 secret[KEY_LEN];
  static gsize is_made;
  guint8 salt[KEY_LEN];

  if (g_once_init_enter (&is_made))
    {
      RAND_bytes (secret, sizeof secret);
      g_once_init_leave (&is_made, 1);
    }
  HMAC (EVP_sha256 (), secret, sizeof secret, (const guint8 *) user, strlen (user), salt, NULL);
  return g_base64_encode (salt, 16);
}

GBytes *
hawser_scram_challenge (HawserScram *self, const char *verifier)
{
  g_auto (GStrv) parts = verifier != NULL ? g_strsplit (verifier, "$", 5) : NULL;
  guint8 random[NONCE_LEN];
  g_autofree char *own = NULL, *both = NULL, *decoy = NULL;

  g_return_val_if_fail (self->user != NULL && self->server_first == NULL, NULL);
  RAND_bytes (random, sizeof random);
  own = g_base64_encode (random, sizeof random);
  both = g_strconcat (self->nonce, own, NULL);
  g_free (self->nonce);
  self->nonce = g_steal_pointer (&both);
  self->is_known = parts != NULL && g_strv_length (parts) == 4 && decode_key (parts[2], self->stored_key) && decode_key (parts[3], self->server_key);
  if (self->is_known)
    self->server_first = g_strdup_printf ("r=%s,s=%s,i=%s", self->nonce, parts[1], parts[0]);
  else
    {
      decoy = make_decoy_salt (self->user);
      self->server_first = g_strdup_printf ("r=%s,s=%s,i=%d", self->nonce, decoy, DECOY_ITERATIONS);
    }
  return g_bytes_new (self->server_first, strlen (self->server_first));
}

static gboolean
check_proof (HawserScram *self, const char *auth_message, const char *proof_text)
{
  guint8 signature[KEY_LEN], client_key[KEY_LEN], stored[KEY_LEN];
  gsize len;
  g_autofree guint8 *proof = g_base64_decode (proof_text, &len);
  gboolean is_right;

  if (len != KEY_LEN)
    return FALSE;
  HMAC (EVP_sha256 (), self->stored_key, KEY_LEN, (const guint8 *) auth_message, strlen (auth_message), signature, NULL);
  for (guint i = 0; i < KEY_LEN; i++)
    client_key[i] = proof[i] ^ signature[i];
  EVP_Digest (client_key, KEY_LEN, stored, NULL, EVP_sha256 (), NULL);
  is_right = CRYPTO_memcmp (stored, self->stored_key, KEY_LEN) == 0;
  OPENSSL_cleanse (client_key, sizeof client_key);
  return is_right;
}

GBytes *
hawser_scram_finish (HawserScram *self, const guint8 *message, gsize len)
{
  g_autofree char *text = take_text (message, len), *binding = NULL, *expected = NULL, *auth_message = NULL, *signature_text = NULL, *answer = NULL;
  guint8 signature[KEY_LEN];
  char *proof;

  if (text == NULL || self->server_first == NULL)
    return NULL;
  proof = g_strrstr (text, ",p=");
  if (proof == NULL)
    return NULL;
  *proof = '\0';
  binding = g_base64_encode ((const guint8 *) self->gs2, strlen (self->gs2));
  expected = g_strdup_printf ("c=%s,r=%s", binding, self->nonce);
  /* what follows the nonce are extensions: RFC 5802, 5.1; "m=" would stand before */
  if (!g_str_has_prefix (text, expected) || (text[strlen (expected)] != '\0' && text[strlen (expected)] != ','))
    return NULL;
  auth_message = g_strdup_printf ("%s,%s,%s", self->client_first_bare, self->server_first, text);
  if (!check_proof (self, auth_message, proof + 3) || !self->is_known)
    return NULL;
  HMAC (EVP_sha256 (), self->server_key, KEY_LEN, (const guint8 *) auth_message, strlen (auth_message), signature, NULL);
  signature_text = g_base64_encode (signature, KEY_LEN);
  answer = g_strdup_printf ("v=%s", signature_text);
  return g_bytes_new (answer, strlen (answer));
}
