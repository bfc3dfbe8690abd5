/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* POST /v1/admin/reload: the configuration is read again, as SIGHUP does it. That may close the very listener which was asked, so
 * it happens outside the turn, and the answer goes to whoever is still there. Context: the lane. */

#include "http-session.h"

#include <string.h>

typedef struct {
  HttpExchange base;
  HttpSession *session;          /* NULL: it went away */
  HawserBus *bus;
} Reload;

static void
forget (HttpExchange *exchange)
{
  ((Reload *) exchange)->session = NULL; /* run() frees it */
}

static void
answer (HttpSession *session, char **cold, const GError *error)
{
  g_autoptr (GString) json = g_string_new ("{\"next-start\":[");

  if (cold == NULL)
    {
      http_session_respond_error (session, error->code, error->message);
      return;
    }
  for (guint i = 0; cold[i] != NULL; i++)
    {
      if (i > 0)
        g_string_append_c (json, ',');
      hawser_json_append_string (json, cold[i], strlen (cold[i]));
    }
  g_string_append (json, "]}");
  http_session_respond (session, 200, "application/json", json->str, json->len);
}

static gboolean
run (gpointer data)
{
  Reload *self = data;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) cold = hawser_bus_reload (self->bus, &error);

  if (self->session != NULL)
    answer (self->session, cold, error); /* which lets go of us */
  g_object_unref (self->bus);
  g_free (self);
  return G_SOURCE_REMOVE;
}

void
http_admin_post_reload (HttpSession *session, HttpRequest *request, const char *rest)
{
  HttpAdapter *adapter = http_session_get_adapter (session);
  Reload *self = g_new0 (Reload, 1);
  g_autoptr (GSource) source = g_idle_source_new ();

  *self = (Reload) { { forget }, session, g_object_ref (adapter->bus) };
  http_session_set_exchange (session, &self->base);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, run, self, NULL);
  g_source_attach (source, hawser_lane_get_context (adapter->lane));
}
