/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a message says about its twin. JSON is scanned once for the mapped members, without a tree; SenML packs in JSON and CBOR
 * are read by name. All reading is pure functions over bytes; hawser_twin_take_telemetry() alone touches the twin, and only
 * after the whole text was found sound. */

#include "hawser-twin-telemetry-private.h"

#include <math.h>
#include <string.h>

#include "hawser-cloud-event.h"
#include "hawser-hash.h"
#include "hawser-json-pointer.h"
#include "hawser-json-private.h"

#define MAX_MEMBERS 256   /* of an object without a map: what a twin can hold */

/* Decimal numbers as sensors write them: up to 15 digits and a small power of ten are exact in one multiplication or
 * division (Clinger 1990); anything else is left to the C library. */
static gboolean
read_number (const HawserJsonSlice *slice, double *out_number)
{
  static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
  const char *text = slice->text, *end = slice->text + slice->len;
  gboolean is_negative = FALSE;
  guint64 digits = 0;
  guint n = 0, fraction = 0;

  if (slice->type != HAWSER_JSON_NUMBER)
    return FALSE;
  if (*text == '-')
    {
      is_negative = TRUE;
      text++;
    }
  for (; text < end && g_ascii_isdigit (*text); text++, n++)
    digits = digits * 10 + (guint64) (*text - '0');
  if (text < end && *text == '.' && n <= 15)
    for (text++; text < end && g_ascii_isdigit (*text) && n <= 15; text++, n++, fraction++)
      digits = digits * 10 + (guint64) (*text - '0');
  if (text != end || n > 15)
    return hawser_json_slice_get_double (slice, out_number);
  *out_number = fraction > 0 ? (double) digits / powers[fraction] : (double) digits;
  if (is_negative)
    *out_number = -*out_number;
  return TRUE;
}

static int
find_mapped (const HawserTwinFamily *family, const HawserJsonSlice *key)
{
  const char *name = key->text + 1;
  gsize len = key->len - 2;
  guint32 hash;

  if (G_UNLIKELY (memchr (name, '\\', len) != NULL))
    {
      for (guint i = 0; i < family->n_columns; i++)
        if (family->columns[i].is_simple && hawser_json_slice_is_string (key, family->columns[i].member, family->columns[i].member_len))
          return (int) i;
      return -1;
    }
  hash = (guint32) hawser_hash_bytes (name, len);
  for (guint slot = hash % G_N_ELEMENTS (family->map_table), n = 0; n < G_N_ELEMENTS (family->map_table) && family->map_table[slot] != 0;
       slot = (slot + 1) % G_N_ELEMENTS (family->map_table), n++)
    {
      const HawserTwinColumn *column = &family->columns[family->map_table[slot] - 1];

      if (column->hash == hash && column->member_len == len && memcmp (column->member, name, len) == 0)
        return family->map_table[slot] - 1;
    }
  return -1;
}

int
hawser_twin_read_mapped (const HawserTwinFamily *family, const char *text, gsize len, int *columns, double *values)
{
  HawserJsonScanner scanner = { text, text + len, NULL };
  HawserJsonSlice key, value;
  guint64 found = 0;
  int n = 0;

  if (hawser_json_scan_peek (&scanner) != '{')
    return -1;
  scanner.next++;
  if (hawser_json_scan_peek (&scanner) == '}')
    scanner.next++;
  else
    for (;;)
      {
        char c;
        int column;

        if (!hawser_json_scan_key (&scanner, &key) || !hawser_json_scan_value (&scanner, &value))
          return -1;
        column = find_mapped (family, &key);
        if (column >= 0 && !(found & (guint64) 1 << column))
          {
            found |= (guint64) 1 << column;
            columns[n] = column;
            if (!read_number (&value, &values[n]))
              columns[n] = -1 - column; /* no number: the caller looks at it */
            n++;
          }
        c = hawser_json_scan_peek (&scanner);
        scanner.next++;
        if (c == '}')
          break;
        if (c != ',')
          return -1;
      }
  return hawser_json_scan_peek (&scanner) == '\0' && scanner.next >= scanner.end ? n : -1;
}

static gboolean
state_from_text (const char *text, gsize len, HawserTwinState *out_state)
{
  static const struct {
    const char *text;
    HawserTwinState state;
  } words[] = {
    { "online", HAWSER_TWIN_STATE_ONLINE }, { "offline", HAWSER_TWIN_STATE_OFFLINE }, { "stale", HAWSER_TWIN_STATE_STALE },
    { "1", HAWSER_TWIN_STATE_ONLINE }, { "0", HAWSER_TWIN_STATE_OFFLINE }, { "true", HAWSER_TWIN_STATE_ONLINE }, { "false", HAWSER_TWIN_STATE_OFFLINE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if (strlen (words[i].text) == len && g_ascii_strncasecmp (words[i].text, text, len) == 0)
      {
        *out_state = words[i].state;
        return TRUE;
      }
  return FALSE;
}

gboolean
hawser_twin_read_status (const guint8 *payload, gsize len, HawserTwinState *out_state)
{
  const char *text = (const char *) payload;
  HawserJsonSlice value;

  while (len > 0 && g_ascii_isspace (text[len - 1]))
    len--;
  while (len > 0 && g_ascii_isspace (*text))
    {
      text++;
      len--;
    }
  if (state_from_text (text, len, out_state))
    return TRUE;
  if (!hawser_json_check (text, len, NULL))
    return FALSE;
  if (!hawser_json_pointer_get ("/state", text, len, &value) && !hawser_json_pointer_get ("/status", text, len, &value) &&
      !hawser_json_pointer_get ("", text, len, &value))
    return FALSE;
  return value.type == HAWSER_JSON_STRING ? state_from_text (value.text + 1, value.len - 2, out_state) : state_from_text (value.text, value.len, out_state);
}

/* ---- taking it ---- */

typedef struct {
  char *key;
  HawserSenmlType type;
  double number;
  gboolean boolean;
  char *text;
  gint64 time_us;
} Measured;

typedef struct {
  HawserTwins *self;
  HawserTwinFamily *family;
  GArray *measured;            /* of Measured */
  gint64 now_us;
} Pack;

static void
clear_measured (gpointer data)
{
  g_free (((Measured *) data)->key);
  g_free (((Measured *) data)->text);
}

/* The property that a record is about: by its own name, or by the last level of the base name. With a map, by what the map
 * calls it; what is not mapped is left out. */
static char *
find_key (const HawserTwinFamily *family, const HawserSenmlRecord *record)
{
  const char *name = record->name;
  gsize len = record->name_len;

  if (len == 0)
    {
      name = record->base_name;
      len = record->base_len;
      while (len > 0 && strchr ("/:", name[len - 1]) != NULL)
        len--;
      for (gsize i = len; i > 0; i--)
        if (strchr ("/:", name[i - 1]) != NULL)
          {
            name += i;
            len -= i;
            break;
          }
    }
  if (len == 0 || len > HAWSER_TWIN_MAX_KEY)
    return NULL;
  if (!family->has_map)
    return g_strndup (name, len);
  for (guint i = 0; i < family->n_columns; i++)
    if (family->columns[i].pointer != NULL &&
        ((family->columns[i].is_simple && family->columns[i].member_len == len && memcmp (family->columns[i].member, name, len) == 0) ||
         (strlen (family->columns[i].key) == len && memcmp (family->columns[i].key, name, len) == 0)))
      return g_strdup (family->columns[i].key);
  return NULL;
}

static void
take_record (const HawserSenmlRecord *record, gpointer data)
{
  Pack *pack = data;
  Measured measured = { .type = record->type, .number = record->number, .boolean = record->boolean };

  measured.key = find_key (pack->family, record);
  if (measured.key == NULL)
    return;
  if (record->type == HAWSER_SENML_TEXT)
    measured.text = g_strndup (record->text, record->len);
  /* RFC 8428 section 4.5.3: below 2^28 it is relative to now */
  if (record->time_s != 0)
    measured.time_us = record->time_s < 268435456. ? pack->now_us + (gint64) (record->time_s * 1e6)
                       : record->time_s < 9e12 ? (gint64) (record->time_s * 1e6) : G_MAXINT64;
  g_array_append_val (pack->measured, measured);
}

static void
tell_values (HawserTwins *self, HawserTwinRef twin, const GString *changed)
{
  g_autoptr (GString) text = NULL;
  HawserJsonWriter writer;

  if (changed->len == 0)
    return;
  if (hawser_twin_extra (self, hawser_twin_get (self, twin)) != NULL)
    hawser_twin_send_delta (self, twin);
  if (!hawser_twins_is_watched (self, twin))
    return;
  text = g_string_sized_new (changed->len + 128);
  hawser_json_writer_init (&writer, text);
  hawser_twin_begin_event (self, twin, &writer);
  hawser_json_writer_key (&writer, "reported");
  g_string_append_printf (text, "{%s}}", changed->str);
  hawser_twins_tell (self, twin, HAWSER_TWIN_CHANGE_REPORTED, g_string_free (g_steal_pointer (&text), FALSE));
}

static gboolean
take_senml (HawserTwins *self, HawserTwinRef twin, HawserMessage *message, gboolean is_cbor, const HawserTwinReport *report)
{
  g_autoptr (GArray) measured = g_array_new (FALSE, FALSE, sizeof (Measured));
  g_autoptr (GString) changed = g_string_new (NULL);
  Pack pack = { self, hawser_twin_family (self, hawser_twin_get (self, twin)), measured, hawser_twins_get_wall_us (self) };

  g_array_set_clear_func (measured, clear_measured);
  if (!(is_cbor ? hawser_senml_read_cbor (message->payload, message->payload_len, take_record, &pack)
        : hawser_senml_read_json ((const char *) message->payload, message->payload_len, take_record, &pack)))
    return FALSE;
  for (guint i = 0; i < measured->len; i++)
    {
      Measured *m = &g_array_index (measured, Measured, i);
      HawserTwinReport own = *report;
      g_autoptr (GString) json = g_string_new (NULL);
      HawserJsonWriter writer;
      HawserJsonSlice slice;

      hawser_json_writer_init (&writer, json);
      if (m->type == HAWSER_SENML_NUMBER)
        hawser_json_writer_double (&writer, m->number);
      else if (m->type == HAWSER_SENML_BOOLEAN)
        hawser_json_writer_boolean (&writer, m->boolean);
      else
        hawser_json_writer_string (&writer, m->text, -1);
      if (m->time_us != 0)
        own.time_us = m->time_us;
      if (hawser_json_parse (json->str, json->len, &slice, NULL) && slice.type != HAWSER_JSON_NULL)
        hawser_twin_set_value (self, twin, m->key, strlen (m->key), &slice, &own, changed, NULL);
      else
        self->n_refused++;
    }
  tell_values (self, twin, changed);
  return TRUE;
}

/* Every member of an object, or what the pointers of the map name. */
static gboolean
take_document (HawserTwins *self, HawserTwinRef twin, HawserMessage *message, const HawserTwinReport *report)
{
  HawserTwinFamily *family = hawser_twin_family (self, hawser_twin_get (self, twin));
  const char *text = (const char *) message->payload;
  g_autoptr (GString) changed = NULL;
  HawserJsonSlice root, key, value;
  HawserJsonIter iter;

  if (!hawser_json_parse (text, message->payload_len, &root, NULL))
    return FALSE;
  changed = g_string_new (NULL);
  if (family->has_map)
    {
      guint n = family->n_columns;

      for (guint i = 0; i < n; i++)
        if (family->columns[i].pointer != NULL && hawser_json_pointer_get (family->columns[i].pointer, text, message->payload_len, &value))
          hawser_twin_set_value (self, twin, family->columns[i].key, strlen (family->columns[i].key), &value, report, changed, NULL);
    }
  else
    {
      guint n = 0;

      if (root.type != HAWSER_JSON_OBJECT)
        return FALSE;
      hawser_json_iter_init (&iter, &root);
      while (n++ < MAX_MEMBERS && hawser_json_iter_next (&iter, &key, &value))
        {
          g_autofree char *name = hawser_json_slice_dup_string (&key);

          if (name != NULL && *name != '\0')
            hawser_twin_set_value (self, twin, name, strlen (name), &value, report, changed, NULL);
        }
    }
  tell_values (self, twin, changed);
  return TRUE;
}

static gboolean
take_mapped (HawserTwins *self, HawserTwinRef twin, HawserMessage *message, const HawserTwinReport *report)
{
  HawserTwinFamily *family = hawser_twin_family (self, hawser_twin_get (self, twin));
  int columns[HAWSER_TWIN_MAX_COLUMNS];
  double values[HAWSER_TWIN_MAX_COLUMNS];
  int n = hawser_twin_read_mapped (family, (const char *) message->payload, message->payload_len, columns, values);

  if (n < 0)
    return FALSE;
  for (int i = 0; i < n; i++)
    if (G_UNLIKELY (columns[i] < 0))
      return take_document (self, twin, message, report); /* a text or a boolean among them */
  hawser_twin_set_numbers (self, twin, columns, values, (guint) n, report);
  return TRUE;
}

static char
first_byte (const HawserMessage *message)
{
  for (guint i = 0; i < message->payload_len; i++)
    if (!g_ascii_isspace (message->payload[i]))
      return (char) message->payload[i];
  return '\0';
}

static gboolean
points_into_arrays (const HawserTwinFamily *family)
{
  for (guint i = 0; i < family->n_columns; i++)
    if (family->columns[i].pointer != NULL && g_ascii_isdigit (family->columns[i].pointer[1]))
      return TRUE;
  return FALSE;
}

void
hawser_twin_take_telemetry (HawserTwins *self, HawserTwinRef twin, HawserMessage *message, const HawserTwinReport *report)
{
  HawserTwinFamily *family = hawser_twin_family (self, hawser_twin_get (self, twin));
  char first = message->payload_len > 0 ? (char) message->payload[0] : '\0';
  g_autofree char *content_type = NULL;
  gboolean ok;

  if (G_LIKELY (first == '{' && family->maps_simple && family->has_map))
    ok = take_mapped (self, twin, message, report);
  else
    {
      content_type = hawser_message_dup_content_type (message);
      first = first_byte (message);
      if (content_type != NULL && g_str_has_prefix (content_type, "application/senml+cbor"))
        ok = take_senml (self, twin, message, TRUE, report);
      else if (first == '[' && !points_into_arrays (family))
        ok = take_senml (self, twin, message, FALSE, report);
      else if (first == '{' && family->has_map && family->maps_simple)
        ok = take_mapped (self, twin, message, report);
      else
        ok = take_document (self, twin, message, report);
    }
  if (!ok)
    self->n_refused++;
}
