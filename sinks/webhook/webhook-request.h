/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define WEBHOOK_MAX_KEYS 4      /* signing keys at a time: old and new, with room for a second rotation */
#define WEBHOOK_HOPS "hawserhops"

typedef enum {
  WEBHOOK_MODE_BINARY,          /* attributes in headers, the payload is the body */
  WEBHOOK_MODE_STRUCTURED,      /* one JSON object */
  WEBHOOK_MODE_BATCH,           /* a JSON array of them: one request for a batch */
} WebhookMode;

#define WEBHOOK_TYPE_MODE (webhook_mode_get_type())
GType      webhook_mode_get_type         (void) G_GNUC_CONST;

typedef enum {
  WEBHOOK_COMPRESSION_NONE,
  WEBHOOK_COMPRESSION_GZIP,
} WebhookCompression;

#define WEBHOOK_TYPE_COMPRESSION (webhook_compression_get_type())
GType      webhook_compression_get_type  (void) G_GNUC_CONST;

/* One request as it goes out. Zero it to begin. */
typedef struct {
  GPtrArray *headers;           /* name, value, name, value: all safe to send */
  GBytes *body;
  char *content_type;
  char *id;                     /* the same for every attempt */
} WebhookRequest;

void       webhook_request_build         (WebhookRequest     *self,
                                          WebhookMode         mode,
                                          WebhookCompression  compression,
                                          HawserBatch        *batch);
void       webhook_request_clear         (WebhookRequest     *self);
/* Adds the headers of the Standard Webhooks specification. @keys: of GBytes; each signs. */
void       webhook_request_sign          (WebhookRequest     *self,
                                          GPtrArray          *keys,
                                          gint64              now_s);

/* Keys in a text: one to four words, each `whsec_` and base64, or any other text as it is. */
GPtrArray *webhook_keys_parse            (const char         *text,
                                          GError            **error);
/* A value for a header: printable ASCII, everything else %XX (CloudEvents HTTP binding 3.1.3.2). */
char      *webhook_header_encode         (const char         *value);
/* Highest hop count of a batch; a message without one has made 0. */
guint      webhook_count_hops            (HawserBatch        *batch);

typedef enum {
  WEBHOOK_OUTCOME_DONE,
  WEBHOOK_OUTCOME_TEMPORARY,
  WEBHOOK_OUTCOME_PERMANENT,
  WEBHOOK_OUTCOME_GONE,
} WebhookOutcome;

WebhookOutcome webhook_classify          (guint               status);
/* Microseconds from @now_s that a Retry-After asks for: seconds or an HTTP date; 0 when it is neither. */
gint64     webhook_parse_retry_after     (const char         *value,
                                          gint64              now_s);

G_END_DECLS
