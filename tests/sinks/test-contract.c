/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The contract suite on file, blob and webhook. */

#include "../contract/contract-sink.h"

#include <glib/gstdio.h>
#include <libsoup/soup.h>
#include <string.h>

#include "blob-sink.h"
#include "file-sink.h"
#include "webhook-sink.h"

/* ---- A directory; it fails when a file or directory stands where the other should ---- */

typedef struct {
  char *dir, *path;
} Place;

static gpointer
open_place (void)
{
  Place *place = g_new0 (Place, 1);

  place->dir = g_dir_make_tmp ("hawser-contract-XXXXXX", NULL);
  place->path = g_build_filename (place->dir, "out.ndjson", NULL);
  return place;
}

static void
close_place (gpointer world)
{
  Place *place = world;

  g_unlink (place->path);
  g_assert_cmpint (g_rmdir (place->dir), ==, 0);   /* nothing else was left there */
  g_free (place->dir);
  g_free (place->path);
  g_free (place);
}

static void
fail_place (gpointer world)
{
  g_assert_cmpint (g_mkdir (((Place *) world)->path, 0700), ==, 0);
}

static void
mend_place (gpointer world)
{
  g_assert_cmpint (g_rmdir (((Place *) world)->path), ==, 0);
}

/* A directory where an object should be is a permanent failure of a blob; one where its container should be is not. */
static void
fail_container (gpointer world)
{
  Place *place = world;

  g_assert_cmpint (g_rmdir (place->dir), ==, 0);
  g_assert_true (g_file_set_contents (place->dir, "", 0, NULL));
}

static void
mend_container (gpointer world)
{
  Place *place = world;

  g_assert_cmpint (g_unlink (place->dir), ==, 0);
  g_assert_cmpint (g_mkdir (place->dir, 0700), ==, 0);
}

static GPtrArray *
list_place (gpointer world)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *text = NULL;
  g_auto (GStrv) parts = NULL;

  if (!g_file_get_contents (((Place *) world)->path, &text, NULL, NULL))
    return lines;
  parts = g_strsplit (text, "\n", -1);
  for (guint i = 0; parts[i] != NULL && *parts[i] != '\0'; i++)
    g_ptr_array_add (lines, g_strdup (parts[i]));
  return lines;
}

static HawserSink *
make_file (gpointer world)
{
  return g_object_new (FILE_TYPE_SINK, "path", ((Place *) world)->path, NULL);
}

static HawserSink *
make_blob (gpointer world)
{
  g_autofree char *uri = g_filename_to_uri (((Place *) world)->dir, NULL, NULL);

  return g_object_new (BLOB_TYPE_SINK, "endpoint", uri, "path-template", "out.ndjson", NULL);
}

/* ---- A server ---- */

typedef struct {
  SoupServer *server;
  GPtrArray *bodies;
  gboolean is_failing;
} Hook;

static void
on_request (SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query, gpointer data)
{
  Hook *hook = data;
  SoupMessageBody *body = soup_server_message_get_request_body (message);

  soup_server_message_set_status (message, hook->is_failing ? 503 : 204, NULL);
  if (!hook->is_failing)
    g_ptr_array_add (hook->bodies, g_strndup (body->data, body->length));
}

static gpointer
open_hook (void)
{
  Hook *hook = g_new0 (Hook, 1);

  hook->bodies = g_ptr_array_new_with_free_func (g_free);
  hook->server = soup_server_new (NULL, NULL);
  soup_server_add_handler (hook->server, NULL, on_request, hook, NULL);
  g_assert_true (soup_server_listen_local (hook->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, NULL));
  return hook;
}

static void
close_hook (gpointer world)
{
  Hook *hook = world;

  soup_server_disconnect (hook->server);
  g_object_unref (hook->server);
  g_ptr_array_unref (hook->bodies);
  g_free (hook);
}

static HawserSink *
make_webhook (gpointer world)
{
  GSList *uris = soup_server_get_uris (((Hook *) world)->server);
  g_autofree char *uri = g_uri_to_string (uris->data);
  HawserSink *sink = g_object_new (WEBHOOK_TYPE_SINK, "uri", uri, "allow-private", TRUE, NULL);

  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  return sink;
}

static void
fail_hook (gpointer world)
{
  ((Hook *) world)->is_failing = TRUE;
}

static void
mend_hook (gpointer world)
{
  ((Hook *) world)->is_failing = FALSE;
}

static GPtrArray *
list_hook (gpointer world)
{
  GPtrArray *bodies = ((Hook *) world)->bodies;
  GPtrArray *copy = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < bodies->len; i++)
    g_ptr_array_add (copy, g_strdup (bodies->pdata[i]));
  return copy;
}

static const ContractSink contracts[] = {
  { "file", open_place, close_place, make_file, fail_place, mend_place, list_place },
  { "blob", open_place, close_place, make_blob, fail_container, mend_container, list_place },
  { "webhook", open_hook, close_hook, make_webhook, fail_hook, mend_hook, list_hook },
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (contracts); i++)
    contract_sink_add (&contracts[i]);
  return g_test_run ();
}
