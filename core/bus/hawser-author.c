/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Authors of what stays: a retained value speaks in the name of whoever left it, long after that connection, and after a
 * restart. What a policy may ask about them is kept once for all values of one connection. Whether they still have the
 * right is asked by hawser_authority_check_author(). Context: the bus's lane; freed on the thread of the last message. */

#include "hawser-author.h"

#include <string.h>

#include "hawser-principal.h"

/* One allocation: the texts follow. Names of listeners and protocols are few, so they are interned. */
typedef struct {
  HawserPolicyContext context;
  GBytes *stored;          /* NULL: not asked for yet */
  char text[];
} Author;

void
hawser_author_free (HawserPolicyContext *context)
{
  Author *self = (Author *) context;

  if (self == NULL)
    return;
  g_clear_pointer (&self->context.principal, hawser_principal_unref);
  g_clear_pointer (&self->stored, g_bytes_unref);
  g_free (self);
}

static char *
append_text (char *cursor, const char **out_text, const char *text, gsize size)
{
  *out_text = text != NULL ? memcpy (cursor, text, size) : NULL;
  return cursor + size;
}

static gsize
get_size (const char *text)
{
  return text != NULL ? strlen (text) + 1 : 0;
}

HawserPolicyContext *
hawser_author_new (const HawserPolicyContext *context, const char *address)
{
  const gsize client_size = get_size (context->client_id), address_size = get_size (address = context->address != NULL ? context->address : address);
  Author *self = g_malloc (sizeof *self + client_size + address_size);
  char *cursor;

  self->context = (HawserPolicyContext) {
    .principal = context->principal != NULL ? hawser_principal_ref (context->principal) : NULL,
    .listener = g_intern_string (context->listener), .protocol = g_intern_string (context->protocol), .is_encrypted = context->is_encrypted,
  };
  self->stored = NULL;
  cursor = append_text (self->text, &self->context.client_id, context->client_id, client_size);
  append_text (cursor, &self->context.address, address, address_size);
  return &self->context;
}

static void
free_author (gpointer data)
{
  hawser_author_free (data);
}

void
hawser_author_sign (HawserOrigin *origin, const HawserPolicyContext *context, const char *address)
{
  if (origin->author != NULL)
    return;
  origin->free_author = free_author;
  origin->author = hawser_author_new (context, address);
}

const HawserPolicyContext *
hawser_author_of (HawserMessage *message)
{
  Author *author = message->origin != NULL ? message->origin->author : NULL;

  return author != NULL ? &author->context : NULL;
}

GVariant *
hawser_author_to_variant (const HawserPolicyContext *author)
{
  g_auto (GStrv) claims = author->principal != NULL ? hawser_principal_list_claims (author->principal) : g_new0 (char *, 1);

  return g_variant_new ("(msmsmsmsbms^as)", author->client_id, author->listener, author->protocol, author->address, author->is_encrypted,
                        author->principal != NULL ? hawser_principal_get_name (author->principal) : NULL, claims);
}

GBytes *
hawser_author_store_message (HawserMessage *message, gint64 wall_minus_monotonic_us)
{
  Author *author = message->origin != NULL ? message->origin->author : NULL;

  if (author != NULL && author->stored == NULL)
    {
      g_autoptr (GVariant) stored = g_variant_ref_sink (hawser_author_to_variant (&author->context));

      author->stored = g_variant_get_data_as_bytes (stored);
    }
  return hawser_message_store_with (message, wall_minus_monotonic_us, author != NULL ? author->stored : NULL);
}

HawserPolicyContext *
hawser_author_from_variant (GVariant *stored)
{
  g_autofree const char **claims = NULL;
  g_autoptr (HawserPrincipal) principal = NULL;
  const char *name;
  HawserPolicyContext context = { 0 };
  gboolean is_encrypted;

  g_variant_get (stored, "(m&sm&sm&sm&sbm&s^a&s)", &context.client_id, &context.listener, &context.protocol, &context.address, &is_encrypted, &name, &claims);
  if (name != NULL)
    context.principal = principal = hawser_principal_new_from_strings (name, claims);
  context.is_encrypted = is_encrypted;
  return hawser_author_new (&context, NULL);
}

GHashTable *
hawser_author_new_table (void)
{
  return g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, (GDestroyNotify) hawser_origin_unref);
}

/* What came from one connection shares its origin again. */
static HawserOrigin *
get_origin (GHashTable *origins, HawserMessage *message, const guint8 *author, gsize author_len)
{
  const char *source = message->origin->source, *uid = message->origin->uid;
  g_autoptr (GByteArray) parts = g_byte_array_new ();
  g_autoptr (GBytes) key = NULL, bytes = NULL;
  g_autoptr (GVariant) stored = NULL;
  HawserOrigin *origin;

  g_byte_array_append (parts, (const guint8 *) uid, (guint) strlen (uid) + 1);
  g_byte_array_append (parts, (const guint8 *) source, (guint) strlen (source) + 1);
  g_byte_array_append (parts, author, (guint) author_len);
  key = g_byte_array_free_to_bytes (g_steal_pointer (&parts));
  origin = g_hash_table_lookup (origins, key);
  if (origin != NULL)
    return origin;
  origin = hawser_origin_new (0, uid, source);
  bytes = g_bytes_new (author, author_len); /* aligned */
  stored = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (HAWSER_AUTHOR_TYPE), bytes, FALSE));
  origin->free_author = free_author;
  origin->author = hawser_author_from_variant (stored);
  g_hash_table_insert (origins, g_steal_pointer (&key), origin);
  return origin;
}

HawserMessage *
hawser_author_load_message (GHashTable *origins, const guint8 *data, gsize len, gint64 wall_minus_monotonic_us)
{
  const guint8 *author;
  gsize author_len;
  HawserMessage *self = hawser_message_load_with (data, len, wall_minus_monotonic_us, &author, &author_len);
  HawserOrigin *unsigned_origin;

  if (self == NULL || author_len == 0)
    return self;
  unsigned_origin = self->origin;
  self->origin = hawser_origin_ref (get_origin (origins, self, author, author_len));
  hawser_origin_unref (unsigned_origin);
  return self;
}
