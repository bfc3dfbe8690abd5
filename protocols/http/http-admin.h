/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of the admin API. All of it on the lane. */

#include "http-session.h"

typedef struct {
  char *key;
  char *json;
} HttpPageItem;

/* The first @limit + 1 items behind @after, in order of their keys. */
typedef struct {
  GPtrArray *items;
  const char *after;
  const char *prefix;
  guint limit;
} HttpPage;

/* A member of an object, with a comma in front unless it is the first. */
void http_json_string (GString *out, const char *name, const char *value);
void http_json_number (GString *out, const char *name, guint64 value);
void http_json_boolean (GString *out, const char *name, gboolean value);
void http_json_raw (GString *out, const char *name, const char *json);
/* As text; null for none. */
void http_json_duration (GString *out, const char *name, gint64 us);

void http_page_item_free (gpointer item);
gboolean http_page_wants (HttpPage *page, const char *key, const char *name);
void http_page_add (HttpPage *page, const char *key, char *json);
void http_page_respond (HttpSession *session, HttpPage *page);

/* Full; NULL: answered. */
char  *http_admin_read_name (HttpSession *session, const char *rest);
/* The JSON object that is the body; nothing counts as an empty one. FALSE: answered. */
gboolean http_admin_read_object (HttpSession *session, HttpRequest *request, HawserJsonSlice *out);
void http_admin_respond_json (HttpSession *session, guint status, GString *json);
/* Once what was changed is on the disk. @json: (transfer full) (nullable) */
void http_admin_respond_when_safe (HttpSession *session, guint status, char *json);

void http_admin_list_sinks    (HawserBus *bus, HttpPage *page);
void http_admin_list_policies (HawserBus *bus, HttpPage *page);

/* @data: a page. */
gboolean http_admin_list_topic (const HawserTopicInfo *info, gpointer data);
gboolean http_admin_list_connection (HawserConnection *connection, gpointer data);
gboolean http_admin_list_subscription (const HawserSubscriptionInfo *info, gpointer data);
void http_admin_list_observer (gpointer observer, gpointer data);
