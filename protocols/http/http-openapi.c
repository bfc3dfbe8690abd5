/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GET /v1/openapi.json: what this listener serves, as OpenAPI 3.0.3, made of the table of routes, of the operations below and of the properties of a
 * topic. A route without an operation here is described all the same, by its path: none is missing. Context: the lane. */

#include "http-session.h"

#include <string.h>

#include "http-admin.h"

typedef struct {
  const char *method, *path, *summary;
  const char *query;             /* names of parameters, blanks between them */
  const char *body;              /* schema of it, "any" or NULL */
  const char *answer;            /* "204", or "200 SCHEMA", "200 any", "200 stream", "200 text" */
} Operation;

/* In the order of paths. */
static const Operation operations[] = {
  { "get", "/", "The dashboard, where the admin API is served", "", NULL, "200 text" },
  { "get", "/dashboard/{file}", "Files of the dashboard", "", NULL, "200 text" },
  { "get", "/healthz", "The same as /readyz", "", NULL, "200 text" },
  { "get", "/livez", "Whether the loop turns", "", NULL, "200 text" },
  { "get", "/metrics", "Figures in the Prometheus text format", "", NULL, "200 text" },
  { "get", "/mqtt", "MQTT over WebSocket", "", NULL, "101" },
  { "get", "/readyz", "Whether everything is there that peers need", "verbose", NULL, "200 text" },
  { "post", "/v1/ack", "Acknowledges what was read of durable subscriptions, up to Last-Event-ID", "", NULL, "204" },
  { "get", "/v1/admin/bans", "Who may not connect for a while", "limit cursor prefix", NULL, "200 List" },
  { "put", "/v1/admin/bans/{name}", "Bans an address, client:ID or principal:NAME", "duration", NULL, "204" },
  { "delete", "/v1/admin/bans/{name}", "Lifts a ban", "", NULL, "204" },
  { "get", "/v1/admin/bridges", "Bridges to other brokers, and how they fare", "limit cursor prefix", NULL, "200 List" },
  { "get", "/v1/admin/connections", "Who is connected", "limit cursor prefix", NULL, "200 List" },
  { "get", "/v1/admin/connections/{id}", "One connection", "", NULL, "200 Connection" },
  { "delete", "/v1/admin/connections/{id}", "Closes a connection; the peer may connect again", "", NULL, "204" },
  { "get", "/v1/admin/listeners", "Where peers connect", "limit cursor prefix", NULL, "200 List" },
  { "get", "/v1/admin/observers", "Who observes what, and until when", "limit cursor prefix", NULL, "200 List" },
  { "get", "/v1/admin/pipelines", "Pipelines, and what passed them", "limit cursor prefix", NULL, "200 List" },
  { "get", "/v1/admin/plugins", "Plugins that were found", "limit cursor prefix", NULL, "200 List" },
  { "get", "/v1/admin/policies", "Rules that topics name", "limit cursor prefix", NULL, "200 List" },
  { "get", "/v1/admin/policies/{name}", "One rule", "", NULL, "200 Policy" },
  { "put", "/v1/admin/policies/{name}", "Makes or changes a rule; those of the configuration are changed there", "", "Policy", "200 Policy" },
  { "delete", "/v1/admin/policies/{name}", "Removes a rule: topics that name it are denied to everybody", "", NULL, "204" },
  { "post", "/v1/admin/policies/{name}/test", "Whether a rule lets somebody of these claims in, and which term says no", "", "Claims", "200 Decision" },
  { "post", "/v1/admin/reload", "Reads the configuration again", "", NULL, "200 any" },
  { "get", "/v1/admin/scheduled", "Messages that wait for their time", "limit cursor prefix", NULL, "200 List" },
  { "delete", "/v1/admin/scheduled/{id}", "Cancels one of them", "", NULL, "204" },
  { "get", "/v1/admin/sinks", "Sinks: state, queue, writes and how long they took", "limit cursor prefix", NULL, "200 List" },
  { "get", "/v1/admin/sinks/{name}", "One sink", "", NULL, "200 Sink" },
  { "post", "/v1/admin/sinks/{name}/flush", "Writes what waits for more messages now", "", NULL, "200 Sink" },
  { "post", "/v1/admin/sinks/{name}/pause", "No write begins until it is resumed; messages wait", "", NULL, "200 Sink" },
  { "post", "/v1/admin/sinks/{name}/redrive", "Takes again what was given up", "", NULL, "200 any" },
  { "post", "/v1/admin/sinks/{name}/resume", "Goes on, and retries what waits at once", "", NULL, "200 Sink" },
  { "post", "/v1/admin/sinks/{name}/test", "Writes one probe past all queues", "", NULL, "200 any" },
  { "get", "/v1/admin/status", "Totals of the bus", "", NULL, "200 Status" },
  { "get", "/v1/admin/subscriptions", "Subscriptions, durable and ephemeral", "limit cursor prefix", NULL, "200 List" },
  { "get", "/v1/admin/subscriptions/{id}", "One subscription", "", NULL, "200 Subscription" },
  { "put", "/v1/admin/subscriptions/{id}", "Makes a durable subscription, or changes its terms", "", "Subscription", "200 Subscription" },
  { "delete", "/v1/admin/subscriptions/{id}", "Ends a durable subscription, with what it holds", "", NULL, "204" },
  { "get", "/v1/admin/tap", "Messages of topics or of a client as they pass, for a while, without values that rules hide", "filter client duration count", NULL, "200 stream" },
  { "get", "/v1/admin/topics", "Topics declared or in use", "limit cursor prefix", NULL, "200 List" },
  { "get", "/v1/admin/topics/{name}", "One topic", "", NULL, "200 Topic" },
  { "put", "/v1/admin/topics/{name}", "Declares a topic, or replaces its metadata", "", "Topic", "200 Topic" },
  { "delete", "/v1/admin/topics/{name}", "Takes a declaration away", "", NULL, "204" },
  { "get", "/v1/events", "Messages as server-sent events; Last-Event-ID resumes", "filter since speed", NULL, "200 stream" },
  { "post", "/v1/events", "Publishes a CloudEvent or a batch of them", "", "any", "202" },
  { "get", "/v1/observers", "One's observers", "cursor prefix", NULL, "200 List" },
  { "post", "/v1/observers", "Looks at topics until the lease is over: at messages, metrics or errors", "kind filter lease", "Observer", "201 Observer" },
  { "get", "/v1/observers/{id}", "One observer", "", NULL, "200 Observer" },
  { "put", "/v1/observers/{id}", "Renews its lease", "lease", "Observer", "200 Observer" },
  { "delete", "/v1/observers/{id}", "Ends it", "", NULL, "204" },
  { "get", "/v1/observers/{id}/events", "What it sees, as server-sent events", "", NULL, "200 stream" },
  { "get", "/v1/openapi.json", "This document", "", NULL, "200 any" },
  { "get", "/v1/poll", "Waits for messages; Last-Event-ID resumes", "filter wait", NULL, "200 any" },
  { "get", "/v1/topics/{topic}", "The last value of a topic", "", NULL, "200 any" },
  { "post", "/v1/topics/{topic}", "Publishes the body; with wait= it is a request, answered with the reply", "qos retain expiry wait", "any", "202" },
  { "put", "/v1/topics/{topic}", "Publishes the body as the last value", "qos expiry", "any", "202" },
  { "delete", "/v1/topics/{topic}", "Forgets the last value", "", NULL, "202" },
  { "get", "/v1/twins", "Twins: all, or those that a query finds", "filter sort limit cursor fields parent count channel timeout", NULL, "200 List" },
  { "get", "/v1/twins/events", "Changes of twins as server-sent events", "id filter fields changes interval snapshot", NULL, "200 stream" },
  { "get", "/v1/twins/{id}", "One twin", "fields", NULL, "200 any" },
  { "patch", "/v1/twins/{id}", "Changes a twin by a merge patch", "condition", "any", "200 any" },
  { "delete", "/v1/twins/{id}", "Forgets a twin", "", NULL, "204" },
  { "get", "/v1/twins/{id}/aggregate", "What is counted of the twins below it", "", NULL, "200 any" },
  { "get", "/v1/twins/{id}/children", "Twins below it", "filter sort limit cursor fields count", NULL, "200 List" },
  { "get", "/v1/twins/{id}/history", "Values that properties had", "from to at key limit", NULL, "200 any" },
  { "post", "/v1/twins/{id}/inbox/{subject}", "Sends a message to a twin, and waits for its answer if asked to", "wait expiry channel", "any", "202" },
  { "get", "/v1/ws", "CloudEvents over WebSocket, both ways", "filter", NULL, "101" },
};

static const struct {
  const char *name, *type, *description;
} parameters[] = {
  { "filter", "string", "Topic filter (of twins: a query); topic filters may be repeated" },
  { "client", "string", "Client id: what it publishes, and what matches its subscriptions" },
  { "duration", "string", "A time such as 30s or 5min" },
  { "wait", "string", "How long to wait, such as 4s" },
  { "timeout", "string", "How long to wait, such as 1s" },
  { "expiry", "string", "How long the message is worth delivering, such as 30s" },
  { "interval", "string", "Shortest time between two changes of a twin" },
  { "count", "integer", "A number; of twins: 1 counts what was found" },
  { "limit", "integer", "Items of a page, 1 to 5000" },
  { "qos", "integer", "0, 1 or 2" },
  { "retain", "integer", "1: kept as the last value" },
  { "cursor", "string", "`next` of the page before" },
  { "prefix", "string", "Only names that begin with it" },
  { NULL, "string", NULL },
};

/* Members by hand where no GParamSpec declares them: "name type", a type being string, integer, boolean, or any. */
static const struct {
  const char *name;
  const char *members[32];
} schemas[] = {
  { "Connection", { "id integer", "protocol string", "listener string", "principal string", "client_id string", "address string", "encrypted boolean",
                    "n_received integer", "n_delivered integer" } },
  { "Decision", { "allowed boolean", "because string" } },
  { "Observer", { "id string", "kind string", "filter string", "topic string", "lease any", "expires string", "messages integer", "errors integer" } },
  { "Policy", { "name string", "allow string", "configured boolean" } },
  { "Problem", { "type string", "title string", "status integer", "detail string", "instance string", "reason string" } },
  { "Sink", { "name string", "type string", "topic string", "state string", "breaker string", "n_queued integer", "oldest_ms integer", "last_error string",
              "dead_letter string", "n_taken integer", "n_written integer", "written_bytes integer", "n_dead_letters integer", "n_given_up integer",
              "n_filtered integer", "n_expired integer", "n_writes integer", "n_succeeded integer", "n_failed integer", "n_retries integer",
              "write_us_total integer", "write_us_max integer" } },
  { "Status", { "version string", "name string", "host string", "uptime_s integer", "topics integer", "retained integer", "subscriptions integer", "durable integer",
                "connections integer", "published integer", "refused integer", "matched integer", "delivered integer", "queued integer", "dropped integer",
                "resident_bytes integer" } },
  { "Subscription", { "id string", "filter string", "durable boolean", "identity string", "receiver string", "group string", "passive boolean", "qos integer",
                      "connection integer", "n_queued integer", "queued_bytes integer", "n_delivered integer", "n_dropped integer", "description string",
                      "expires string", "attribute_filter string", "not_me boolean", "ttl any", "max_age any", "spool_rate any", "max_queued integer",
                      "max_queued_bytes any", "on_overflow string" } },
};

static void
append_text (GString *out, const char *text)
{
  hawser_json_append_string (out, text, strlen (text));
}

/* ---- Schemas ---- */

static void
append_type (GString *out, const char *type)
{
  if (g_str_equal (type, "any"))
    g_string_append (out, "{}");
  else
    g_string_append_printf (out, "{\"type\":\"%s\",\"nullable\":true}", type);
}

static void
append_property_schema (GString *out, GParamSpec *pspec)
{
  const char *type = G_IS_PARAM_SPEC_BOOLEAN (pspec) ? "boolean" : G_IS_PARAM_SPEC_UINT (pspec) ? "integer"
    : G_IS_PARAM_SPEC_STRING (pspec) || G_IS_PARAM_SPEC_ENUM (pspec) ? "string" : NULL; /* sizes and durations: a number, or a text with its unit */

  g_string_append_c (out, '{');
  if (type != NULL)
    g_string_append_printf (out, "\"type\":\"%s\",\"nullable\":true,", type);
  if (G_IS_PARAM_SPEC_ENUM (pspec))
    {
      GEnumClass *klass = G_PARAM_SPEC_ENUM (pspec)->enum_class;

      g_string_append (out, "\"enum\":[");
      for (guint i = 0; i < klass->n_values; i++)
        {
          if (i > 0)
            g_string_append_c (out, ',');
          append_text (out, klass->values[i].value_nick);
        }
      g_string_append (out, "],");
    }
  g_string_append (out, "\"description\":");
  append_text (out, g_param_spec_get_blurb (pspec));
  g_string_append_c (out, '}');
}

/* What a topic has is declared by its properties; what the listing adds is not. */
static void
append_topic_schema (GString *out)
{
  g_autoptr (GTypeClass) klass = g_type_class_ref (HAWSER_TYPE_LOCAL_TOPIC);
  guint n;
  g_autofree GParamSpec **pspecs = g_object_class_list_properties ((GObjectClass *) klass, &n);

  g_string_append (out, "\"Topic\":{\"type\":\"object\",\"properties\":{\"declared\":{\"type\":\"boolean\"},\"retained_value\":{\"type\":\"boolean\"},\"n_published\":{\"type\":\"integer\"}");
  for (guint i = 0; i < n; i++)
    {
      g_string_append_c (out, ',');
      append_text (out, g_str_equal (pspecs[i]->name, "discovery-uri") ? "discovery-url" : pspecs[i]->name);
      g_string_append_c (out, ':');
      append_property_schema (out, pspecs[i]);
    }
  g_string_append (out, "}}");
}

static void
append_schemas (GString *out)
{
  g_string_append (out, "\"schemas\":{\"Claims\":{\"type\":\"object\",\"additionalProperties\":{}},"
                        "\"List\":{\"type\":\"object\",\"required\":[\"items\",\"next\"],\"properties\":{\"items\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
                        "\"next\":{\"type\":\"string\",\"nullable\":true}}},");
  for (gsize i = 0; i < G_N_ELEMENTS (schemas); i++)
    {
      append_text (out, schemas[i].name);
      g_string_append (out, ":{\"type\":\"object\",\"properties\":{");
      for (gsize m = 0; m < G_N_ELEMENTS (schemas[i].members) && schemas[i].members[m] != NULL; m++)
        {
          const char *blank = strchr (schemas[i].members[m], ' ');

          g_string_append_printf (out, "%s\"%.*s\":", m > 0 ? "," : "", (int) (blank - schemas[i].members[m]), schemas[i].members[m]);
          append_type (out, blank + 1);
        }
      g_string_append (out, "}},");
    }
  append_topic_schema (out);
  g_string_append_c (out, '}');
}

/* ---- Operations ---- */

static void
append_schema_of (GString *out, const char *name)
{
  if (g_str_equal (name, "any"))
    g_string_append (out, "{}");
  else
    g_string_append_printf (out, "{\"$ref\":\"#/components/schemas/%s\"}", name);
}

static void
append_parameter (GString *out, const char *name, gsize len, gboolean is_query)
{
  gsize i = 0;

  while (is_query && parameters[i].name != NULL && !(strlen (parameters[i].name) == len && memcmp (parameters[i].name, name, len) == 0))
    i++;
  if (out->str[out->len - 1] != '[')
    g_string_append_c (out, ',');
  g_string_append_printf (out, "{\"name\":\"%.*s\",\"in\":\"%s\",\"required\":%s,\"schema\":{\"type\":\"%s\"}", (int) len, name, is_query ? "query" : "path",
                          is_query ? "false" : "true", is_query ? parameters[i].type : "string");
  if (is_query && parameters[i].description != NULL)
    {
      g_string_append (out, ",\"description\":");
      append_text (out, parameters[i].description);
    }
  g_string_append_c (out, '}');
}

static void
append_parameters (GString *out, const Operation *operation)
{
  const char *p = operation->path;

  g_string_append (out, ",\"parameters\":[");
  while ((p = strchr (p, '{')) != NULL)
    {
      gsize len = strcspn (++p, "}");

      append_parameter (out, p, len, FALSE);
    }
  for (p = operation->query; *p != '\0'; p += strspn (p, " "))
    {
      gsize len = strcspn (p, " ");

      append_parameter (out, p, len, TRUE);
      p += len;
    }
  g_string_append_c (out, ']');
}

static void
append_answers (GString *out, const Operation *operation)
{
  const char *schema = strchr (operation->answer, ' ');

  g_string_append_printf (out, ",\"responses\":{\"%.3s\":{\"description\":", operation->answer);
  append_text (out, schema != NULL ? "Done" : g_str_has_prefix (operation->answer, "101") ? "A WebSocket" : "Done, without a body");
  if (schema != NULL && g_str_equal (schema, " stream"))
    g_string_append (out, ",\"content\":{\"text/event-stream\":{\"schema\":{\"type\":\"string\"}}}");
  else if (schema != NULL && g_str_equal (schema, " text"))
    g_string_append (out, ",\"content\":{\"text/plain\":{\"schema\":{\"type\":\"string\"}}}");
  else if (schema != NULL)
    {
      g_string_append (out, ",\"content\":{\"application/json\":{\"schema\":");
      append_schema_of (out, schema + 1);
      g_string_append (out, "}}");
    }
  g_string_append_c (out, '}');
  if (operation->body != NULL && g_str_equal (operation->method, "put") && strstr (operation->path, "/admin/") != NULL)
    {
      g_string_append (out, ",\"201\":{\"description\":\"It was made\",\"content\":{\"application/json\":{\"schema\":");
      append_schema_of (out, operation->body);
      g_string_append (out, "}}}");
    }
  g_string_append (out, ",\"default\":{\"description\":\"What went wrong (RFC 9457)\",\"content\":{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}}");
}

static void
append_operation (GString *out, const Operation *operation)
{
  g_string_append_printf (out, "\"%s\":{\"operationId\":", operation->method);
  {
    g_autofree char *id = g_strconcat (operation->method, operation->path, NULL);

    append_text (out, g_strcanon (id, G_CSET_A_2_Z G_CSET_a_2_z "0123456789", '_'));
  }
  g_string_append (out, ",\"summary\":");
  append_text (out, operation->summary);
  append_parameters (out, operation);
  if (operation->body != NULL)
    {
      g_string_append_printf (out, ",\"requestBody\":{\"content\":{\"%s\":{\"schema\":", g_str_equal (operation->body, "any") ? "*/*" : "application/json");
      append_schema_of (out, operation->body);
      g_string_append (out, "}}}");
    }
  append_answers (out, operation);
  g_string_append_c (out, '}');
}

/* Whether @operation is answered by @route. */
static gboolean
is_of (const Operation *operation, const HttpRoute *route)
{
  gsize len = strlen (route->prefix);

  if (g_ascii_strcasecmp (operation->method, route->method) != 0)
    return FALSE;
  return route->is_prefix ? strncmp (operation->path, route->prefix, len) == 0 : g_str_equal (operation->path, route->prefix);
}

typedef struct {
  gboolean is_admin;
  GPtrArray *served;             /* Operation, of the table or made */
  GPtrArray *made;               /* what is to be freed of them */
} Collect;

static int
compare_operations (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(Operation * const *) a)->path, (*(Operation * const *) b)->path);
}

static void
collect_route (const HttpRoute *route, gpointer data)
{
  Collect *collect = data;
  gboolean is_described = FALSE;

  if (route->needs_admin && !collect->is_admin)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (operations); i++)
    if (is_of (&operations[i], route))
      {
        is_described = TRUE;
        if (!g_ptr_array_find (collect->served, &operations[i], NULL))
          g_ptr_array_add (collect->served, (gpointer) &operations[i]);
      }
  if (!is_described)
    {
      Operation *made = g_new0 (Operation, 1);
      char *path = g_strconcat (route->prefix, route->is_prefix ? "{name}" : NULL, NULL), *method = g_ascii_strdown (route->method, -1);

      *made = (Operation) { method, path, route->prefix, "", NULL, "200 any" };
      g_ptr_array_add (collect->made, path);
      g_ptr_array_add (collect->made, method);
      g_ptr_array_add (collect->made, made);
      g_ptr_array_add (collect->served, made);
    }
}

static void
append_paths (GString *out, gboolean is_admin)
{
  g_autoptr (GPtrArray) served = g_ptr_array_new (), made = g_ptr_array_new_with_free_func (g_free);
  Collect collect = { is_admin, served, made };
  const char *last = NULL;

  http_routes_foreach (collect_route, &collect);
  g_ptr_array_sort (served, compare_operations);
  g_string_append (out, "\"paths\":{");
  for (guint i = 0; i < served->len; i++)
    {
      const Operation *operation = served->pdata[i];

      if (last == NULL || !g_str_equal (last, operation->path))
        {
          g_string_append (out, last != NULL ? "}," : "");
          append_text (out, operation->path);
          g_string_append (out, ":{");
        }
      else
        g_string_append_c (out, ',');
      append_operation (out, operation);
      last = operation->path;
    }
  g_string_append (out, last != NULL ? "}}" : "}");
}

void
http_openapi_get (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autoptr (GString) out = g_string_new (NULL);

  g_string_printf (out, "{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"Hawser\",\"version\":\"%s\",\"license\":{\"name\":\"LGPL-2.1-or-later\"}},\"servers\":[{\"url\":\"/\"}],"
                   "\"security\":[{},{\"basic\":[]},{\"bearer\":[]}],", HAWSER_VERSION_S);
  append_paths (out, http_session_get_adapter (session)->is_admin);
  g_string_append (out, ",\"components\":{\"securitySchemes\":{\"basic\":{\"type\":\"http\",\"scheme\":\"basic\"},\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"}},");
  append_schemas (out);
  g_string_append (out, "}}");
  http_admin_respond_json (session, 200, out);
}
