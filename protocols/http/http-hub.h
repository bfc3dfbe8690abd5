/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-cursor.h"
#include "http-session.h"

G_BEGIN_DECLS

#define HTTP_MAX_FILTERS 64

/* One hub for each distinct set of filters: what its clients may have missed while they were away. */
struct _HttpHub {
  HawserTimer timer;             /* first: the callback casts. Until it is forgotten, after the last user left */
  HttpAdapter *adapter;          /* not owned: it owns the hub */
  HawserReceiver *receiver;      /* hidden; NULL when the bus ended it */
  char *key;
  HawserMessage **messages;      /* ring, oldest at begin; NULL until the first one */
  guint begin, n_messages, size; /* size is a power of two */
  gsize bytes;
  guint64 id;
  guint64 head;                  /* sequence of the newest message it saw */
  guint64 floor;                 /* all after this one are here */
  guint n_users;
};

/* NULL: answered. Filters are sorted and distinct afterwards. */
char      *http_hub_make_key     (HttpSession   *session,
                                  GPtrArray     *filters);
HttpHub   *http_hub_find         (HttpAdapter   *adapter,
                                  const char    *key);
/* Finds or makes it and uses it; 0 or HAWSER_ERROR_*. */
int        http_hub_use          (HttpAdapter   *adapter,
                                  const char    *key,
                                  GPtrArray     *filters,
                                  HttpHub      **out_hub);
void       http_hub_release      (HttpHub       *hub);
void       http_hub_free         (HttpHub       *hub);
/* Whether everything after @cursor is here. */
gboolean   http_hub_has          (HttpHub       *hub,
                                  HttpCursor     cursor);
/* The oldest message after @sequence and up to @last that @connection may read and that has not expired, or NULL. */
HawserMessage *http_hub_next     (HttpHub       *hub,
                                  HawserConnection *connection,
                                  guint64        sequence,
                                  guint64        last);

/* Last-Event-ID as a header or query parameter. FALSE: it is there and is none of ours. *out_given: it is there. */
gboolean   http_cursor_read      (HttpRequest   *request,
                                  gboolean      *out_given,
                                  HttpCursor    *out_cursor);
/* The JSON of @message, as a kept value or as news, encoded once for all who get it in a row; valid until the next call. */
const GString *http_encode       (HttpAdapter   *adapter,
                                  HawserMessage *message,
                                  gboolean       is_retained);
void       http_forget_encoded   (HttpAdapter   *adapter);

G_END_DECLS
