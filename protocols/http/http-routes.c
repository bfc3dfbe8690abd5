/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which path is answered by whom. A table, searched in order; the first path that matches and has the method wins, a
 * path that matches with other methods only is 405. Context: the lane. */

#include "http-session.h"

#include <string.h>

#include "http-static.h"
#include "http-twins.h"

static const HttpRoute routes[] = {
  { "POST", "/v1/topics/", http_publish_post, TRUE },
  { "PUT", "/v1/topics/", http_publish_put, TRUE },
  { "DELETE", "/v1/topics/", http_publish_delete, TRUE },
  { "GET", "/v1/topics/", http_publish_get, TRUE },
  { "GET", "/v1/events", http_events_get },
  { "POST", "/v1/events", http_publish_batch },
  { "GET", "/v1/poll", http_poll_get },
  { "POST", "/v1/ack", http_owned_post_ack },
  { "GET", "/v1/ws", http_live_get },
  { "POST", "/v1/observers", http_observers_post },
  { "GET", "/v1/observers", http_observers_list },
  { "GET", "/v1/observers/", http_observers_get, TRUE },
  { "PUT", "/v1/observers/", http_observers_put, TRUE },
  { "DELETE", "/v1/observers/", http_observers_delete, TRUE },
  { "GET", "/mqtt", http_mqtt_get, .is_public = TRUE },
  { "GET", "/v1/twins", http_twins_list },
  { "GET", "/v1/twins/events", http_twins_events },
  { "GET", "/v1/twins/", http_twins_get, TRUE },
  { "PATCH", "/v1/twins/", http_twins_patch, TRUE },
  { "DELETE", "/v1/twins/", http_twins_delete, TRUE },
  { "POST", "/v1/twins/", http_twins_post, TRUE },
  { "GET", "/v1/openapi.json", http_openapi_get },
  { "GET", "/v1/admin/status", http_admin_status, .needs_admin = TRUE },
  { "GET", "/v1/admin/topics/", http_admin_get_topic, TRUE, .needs_admin = TRUE },
  { "PUT", "/v1/admin/topics/", http_admin_put_topic, TRUE, .needs_admin = TRUE },
  { "DELETE", "/v1/admin/topics/", http_admin_delete_topic, TRUE, .needs_admin = TRUE },
  { "GET", "/v1/admin/subscriptions/", http_admin_get_subscription, TRUE, .needs_admin = TRUE },
  { "PUT", "/v1/admin/subscriptions/", http_admin_put_subscription, TRUE, .needs_admin = TRUE },
  { "DELETE", "/v1/admin/subscriptions/", http_admin_delete_subscription, TRUE, .needs_admin = TRUE },
  { "GET", "/v1/admin/connections/", http_admin_get_connection, TRUE, .needs_admin = TRUE },
  { "DELETE", "/v1/admin/connections/", http_admin_delete_connection, TRUE, .needs_admin = TRUE },
  { "GET", "/v1/admin/policies/", http_admin_get_policy, TRUE, .needs_admin = TRUE },
  { "PUT", "/v1/admin/policies/", http_admin_put_policy, TRUE, .needs_admin = TRUE },
  { "DELETE", "/v1/admin/policies/", http_admin_delete_policy, TRUE, .needs_admin = TRUE },
  { "POST", "/v1/admin/policies/", http_admin_test_policy, TRUE, .needs_admin = TRUE },
  { "GET", "/v1/admin/tap", http_tap_get, .needs_admin = TRUE },
  { "GET", "/v1/admin/sinks/", http_admin_get_sink, TRUE, .needs_admin = TRUE },
  { "POST", "/v1/admin/sinks/", http_admin_post_sink, TRUE, .needs_admin = TRUE },
  { "DELETE", "/v1/admin/scheduled/", http_admin_delete_scheduled, TRUE, .needs_admin = TRUE },
  { "PUT", "/v1/admin/bans/", http_admin_put_ban, TRUE, .needs_admin = TRUE },
  { "DELETE", "/v1/admin/bans/", http_admin_delete_ban, TRUE, .needs_admin = TRUE },
  { "POST", "/v1/admin/reload", http_admin_post_reload, .needs_admin = TRUE },
  { "GET", "/v1/admin/", http_admin_list, TRUE, .needs_admin = TRUE },
  { "GET", "/metrics", http_metrics_get, .needs_admin = TRUE },
  { "GET", "/livez", http_health_live, .needs_admin = TRUE, .is_public = TRUE },
  { "GET", "/readyz", http_health_ready, .needs_admin = TRUE, .is_public = TRUE },
  { "GET", "/healthz", http_health_ready, .needs_admin = TRUE, .is_public = TRUE },
  { "GET", "/dashboard/", http_dashboard_get, TRUE, .needs_admin = TRUE },
  { "GET", "/", http_dashboard_get },
};

static const HttpRoute static_route = { "GET", "", http_static_get };
static const HttpRoute static_head_route = { "HEAD", "", http_static_get };

static const char *
match (const HttpRoute *route, HttpAdapter *adapter, const char *path)
{
  gsize len = strlen (route->prefix);

  if (route->needs_admin && !adapter->is_admin)
    return NULL;
  if ((route->handler == http_metrics_get && !adapter->has_metrics) || (route->handler == http_dashboard_get && route->is_prefix && !adapter->has_dashboard))
    return NULL;
  if (route->is_prefix)
    return strncmp (path, route->prefix, len) == 0 ? path + len : NULL;
  if (g_str_equal (path, route->prefix)
      || (route->handler == http_live_get && g_strcmp0 (path, adapter->websocket_path) == 0)
      || (route->handler == http_events_get && g_strcmp0 (path, adapter->sse_path) == 0))
    return path + strlen (path);
  return NULL;
}

static void
refuse_method (HttpSession *session, HttpRequest *request, const char *allowed)
{
  static const char * const silent[] = { "GET", "POST", "PUT", "DELETE", "PATCH" };

  http_session_add_header (session, "Allow", allowed);
  for (gsize i = 0; i < G_N_ELEMENTS (silent); i++)
    if (g_str_equal (request->method, silent[i]))
      {
        http_session_respond_problem (session, 405, HAWSER_ERROR_INVALID, "the method is not allowed here");
        return;
      }
  http_session_respond (session, 405, NULL, NULL, 0); /* HEAD, OPTIONS, TRACE and unknown ones: no body */
}

void
http_routes_foreach (HttpRouteFunc func, gpointer data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (routes); i++)
    func (&routes[i], data);
}

const HttpRoute *
http_routes_find (HttpSession *session, HttpRequest *request, const char **out_rest)
{
  HttpAdapter *adapter = http_session_get_adapter (session);
  g_autoptr (GString) allowed = g_string_new (NULL);
  const char *path = request->path;

  for (gsize i = 0; i < G_N_ELEMENTS (routes); i++)
    {
      const char *rest = match (&routes[i], adapter, path);

      if (rest == NULL)
        continue;
      if (g_str_equal (routes[i].method, request->method))
        {
          *out_rest = rest;
          return &routes[i];
        }
      if (strstr (allowed->str, routes[i].method) == NULL)
        g_string_append_printf (allowed, "%s%s", allowed->len > 0 ? ", " : "", routes[i].method);
    }
  if (allowed->len == 0 && http_static_owns (adapter, path))
    {
      *out_rest = path;
      if (g_str_equal (request->method, "GET"))
        return &static_route;
      if (g_str_equal (request->method, "HEAD"))
        return &static_head_route;
      g_string_assign (allowed, "GET, HEAD");
    }
  if (allowed->len > 0 || g_str_equal (path, "*"))
    refuse_method (session, request, allowed->len > 0 ? allowed->str : "GET, POST, PUT, DELETE");
  else
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "nothing is served under this path");
  return NULL;
}
