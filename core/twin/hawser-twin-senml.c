/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sensor Measurement Lists (RFC 8428) in JSON and CBOR. A pack is read record by record without a tree and without recursion;
 * base values carry over as section 4.1 says. Pure functions over bytes, any thread. */

#include <math.h>
#include <string.h>

#include "hawser-reader.h"
#include "hawser-twin-telemetry-private.h"
#include "hawser-utf8.h"

#define MAX_VERSION 10     /* section 4.4 */
#define MAX_TEXT 65536
#define MAX_DEPTH 16       /* of CBOR that is skipped: extensions are flat */

/* What one record says, before it is resolved. */
typedef struct {
  char *base_name, *name, *text;        /* of JSON: unescaped copies */
  const char *base_name_at, *name_at, *text_at;
  gsize base_name_len, name_len, text_len;
  double base_time, base_value, base_sum, time, value;
  gboolean has_base_name, has_base_time, has_base_value, has_value, has_boolean, has_text, boolean;
} Fields;

typedef struct {
  char *base_name;
  gsize base_name_len;
  double base_time, base_value;
} Base;

static void
clear_fields (Fields *fields)
{
  g_free (fields->base_name);
  g_free (fields->name);
  g_free (fields->text);
}

static gboolean
resolve (Base *base, const Fields *fields, HawserSenmlFunc func, gpointer data)
{
  HawserSenmlRecord record = { .type = HAWSER_SENML_NUMBER };

  if (fields->has_base_name)
    {
      g_free (base->base_name);
      base->base_name = g_strndup (fields->base_name_at, fields->base_name_len);
      base->base_name_len = fields->base_name_len;
    }
  if (fields->has_base_time)
    base->base_time = fields->base_time;
  if (fields->has_base_value)
    base->base_value = fields->base_value;
  if (fields->has_value + fields->has_boolean + fields->has_text == 0)
    return TRUE; /* base values only */
  if (fields->has_value + fields->has_boolean + fields->has_text > 1)
    return FALSE; /* section 4.2: one value */
  record.base_name = base->base_name != NULL ? base->base_name : "";
  record.base_len = base->base_name_len;
  record.name = fields->name_at != NULL ? fields->name_at : "";
  record.name_len = fields->name_len;
  record.time_s = base->base_time + fields->time;
  record.number = base->base_value + fields->value;
  record.boolean = fields->boolean;
  record.text = fields->text_at;
  record.len = fields->text_len;
  record.type = fields->has_value ? HAWSER_SENML_NUMBER : fields->has_boolean ? HAWSER_SENML_BOOLEAN : HAWSER_SENML_TEXT;
  if (record.base_len + record.name_len == 0 || !isfinite (record.time_s) || (fields->has_value && !isfinite (record.number)))
    return FALSE;
  func (&record, data);
  return TRUE;
}

/* ---- JSON, section 5 ---- */

static gboolean
take_string (const HawserJsonSlice *value, char **copy, const char **at, gsize *len)
{
  char *text = hawser_json_slice_dup_string (value);

  if (text == NULL)
    return FALSE;
  g_free (*copy);
  *copy = text;
  *at = text;
  *len = strlen (text);
  return *len <= MAX_TEXT;
}

static gboolean
read_json_member (const HawserJsonSlice *key, const HawserJsonSlice *value, Fields *fields)
{
  gsize len = key->len - 2;
  const char *name = key->text + 1;
  double number;

#define IS(literal) (len == sizeof literal - 1 && memcmp (name, literal, sizeof literal - 1) == 0)
  if (IS ("bn"))
    return fields->has_base_name = take_string (value, &fields->base_name, &fields->base_name_at, &fields->base_name_len);
  if (IS ("bt"))
    return fields->has_base_time = hawser_json_slice_get_double (value, &fields->base_time);
  if (IS ("bv"))
    return fields->has_base_value = hawser_json_slice_get_double (value, &fields->base_value);
  if (IS ("bver"))
    return hawser_json_slice_get_double (value, &number) && number <= MAX_VERSION;
  if (IS ("n"))
    return take_string (value, &fields->name, &fields->name_at, &fields->name_len);
  if (IS ("t"))
    return hawser_json_slice_get_double (value, &fields->time);
  if (IS ("v"))
    return fields->has_value = hawser_json_slice_get_double (value, &fields->value);
  if (IS ("vb"))
    return fields->has_boolean = hawser_json_slice_get_boolean (value, &fields->boolean);
  if (IS ("vs") || IS ("vd"))
    return fields->has_text = take_string (value, &fields->text, &fields->text_at, &fields->text_len);
#undef IS
  /* section 4.4: a label that ends in _ must be understood; others may be left out */
  return len == 0 || name[len - 1] != '_';
}

gboolean
hawser_senml_read_json (const char *text, gsize len, HawserSenmlFunc func, gpointer data)
{
  HawserJsonSlice pack, record, key, value;
  HawserJsonIter records, members;
  Base base = { NULL, 0, 0, 0 };
  gboolean ok = TRUE;

  if (!hawser_json_parse (text, len, &pack, NULL) || pack.type != HAWSER_JSON_ARRAY)
    return FALSE;
  hawser_json_iter_init (&records, &pack);
  for (guint n = 0; ok && hawser_json_iter_next (&records, NULL, &record); n++)
    {
      Fields fields = { NULL };

      ok = record.type == HAWSER_JSON_OBJECT && n < HAWSER_SENML_MAX_RECORDS;
      if (ok)
        hawser_json_iter_init (&members, &record);
      while (ok && hawser_json_iter_next (&members, &key, &value))
        ok = read_json_member (&key, &value, &fields);
      ok = ok && resolve (&base, &fields, func, data);
      clear_fields (&fields);
    }
  g_free (base.base_name);
  return ok;
}

/* ---- CBOR, section 6, over RFC 8949 ---- */

enum { UINT = 0, NEGATIVE = 1, BYTES = 2, TEXT = 3, ARRAY = 4, MAP = 5, TAG = 6, SIMPLE = 7 };

typedef struct {
  guint8 major, info;
  guint64 argument;
  gboolean is_indefinite, is_break;
} Head;

static gboolean
read_head (HawserReader *reader, Head *head)
{
  guint8 byte;
  guint16 u16 = 0;
  guint32 u32 = 0;

  if (!hawser_reader_u8 (reader, &byte))
    return FALSE;
  *head = (Head) { .major = byte >> 5, .info = byte & 31 };
  if (head->info < 24)
    head->argument = head->info;
  else if (head->info == 24)
    {
      if (!hawser_reader_u8 (reader, &byte))
        return FALSE;
      head->argument = byte;
    }
  else if (head->info == 25)
    {
      if (!hawser_reader_u16be (reader, &u16))
        return FALSE;
      head->argument = u16;
    }
  else if (head->info == 26)
    {
      if (!hawser_reader_u32be (reader, &u32))
        return FALSE;
      head->argument = u32;
    }
  else if (head->info == 27)
    return hawser_reader_u64be (reader, &head->argument);
  else if (head->info == 31 && (head->major == ARRAY || head->major == MAP))
    head->is_indefinite = TRUE;
  else if (head->info == 31 && head->major == SIMPLE)
    head->is_break = TRUE;
  else
    return FALSE; /* reserved; texts in pieces, which no sensor sends */
  return TRUE;
}

/* RFC 8949 appendix D. */
static double
half_to_double (guint16 half)
{
  int exponent = half >> 10 & 31;
  double value = exponent == 0 ? ldexp (half & 1023, -24) : exponent != 31 ? ldexp ((half & 1023) + 1024, exponent - 25) : (half & 1023) == 0 ? (double) INFINITY : (double) NAN;

  return half & 0x8000 ? -value : value;
}

static gboolean
to_number (const Head *head, double *out_number)
{
  union { guint32 bits; float value; } single;
  union { guint64 bits; double value; } twice;

  switch (head->major)
    {
    case UINT: *out_number = (double) head->argument; return TRUE;
    case NEGATIVE: *out_number = -1. - (double) head->argument; return TRUE;
    case SIMPLE:
      if (head->info == 25)
        *out_number = half_to_double ((guint16) head->argument);
      else if (head->info == 26)
        {
          single.bits = (guint32) head->argument;
          *out_number = (double) single.value;
        }
      else if (head->info == 27)
        {
          twice.bits = head->argument;
          *out_number = twice.value;
        }
      else
        return FALSE;
      return isfinite (*out_number);
    default: return FALSE;
    }
}

static gboolean
read_number (HawserReader *reader, double *out_number)
{
  Head head, exponent, mantissa;
  double e, m;

  if (!read_head (reader, &head))
    return FALSE;
  if (head.major == TAG && head.argument == 4) /* decimal fraction: [exponent, mantissa] */
    {
      if (!read_head (reader, &head) || head.major != ARRAY || head.is_indefinite || head.argument != 2 || !read_head (reader, &exponent) ||
          !read_head (reader, &mantissa) || exponent.major > NEGATIVE || mantissa.major > NEGATIVE || !to_number (&exponent, &e) || !to_number (&mantissa, &m) ||
          fabs (e) > 400)
        return FALSE;
      *out_number = m * pow (10, e);
      return isfinite (*out_number);
    }
  return to_number (&head, out_number);
}

static gboolean
read_text (HawserReader *reader, guint8 major, const char **out_text, gsize *out_len)
{
  Head head;
  const guint8 *bytes;

  if (!read_head (reader, &head) || head.major != major || head.argument > MAX_TEXT || !hawser_reader_bytes (reader, (gsize) head.argument, &bytes))
    return FALSE;
  if (major == TEXT && !g_utf8_validate_len ((const char *) bytes, (gssize) head.argument, NULL))
    return FALSE;
  *out_text = (const char *) bytes;
  *out_len = (gsize) head.argument;
  return TRUE;
}

static gboolean
skip (HawserReader *reader)
{
  guint64 left[MAX_DEPTH];
  gboolean ends[MAX_DEPTH];
  guint depth = 0;
  Head head;

  for (;;)
    {
      if (!read_head (reader, &head))
        return FALSE;
      if (head.is_break)
        {
          if (depth == 0 || !ends[depth - 1])
            return FALSE;
          depth--;
        }
      else if (head.major == TAG)
        continue;
      else if (head.major == BYTES || head.major == TEXT)
        {
          if (head.argument > hawser_reader_get_remaining (reader) || !hawser_reader_skip (reader, (gsize) head.argument))
            return FALSE;
        }
      else if ((head.major == ARRAY || head.major == MAP) && (head.is_indefinite || head.argument > 0))
        {
          if (depth == MAX_DEPTH || head.argument > G_MAXUINT32)
            return FALSE;
          left[depth] = head.major == MAP ? head.argument * 2 : head.argument;
          ends[depth] = head.is_indefinite;
          depth++;
          continue;
        }
      while (depth > 0 && !ends[depth - 1] && --left[depth - 1] == 0)
        depth--;
      if (depth == 0)
        return TRUE;
    }
}

static gboolean
read_cbor_member (HawserReader *reader, Fields *fields)
{
  Head label;
  double number;
  const char *text;
  gsize len;

  if (!read_head (reader, &label))
    return FALSE;
  if (label.major == TEXT)
    {
      const guint8 *bytes;

      if (label.argument > 256 || !hawser_reader_bytes (reader, (gsize) label.argument, &bytes))
        return FALSE;
      return (label.argument == 0 || bytes[label.argument - 1] != '_') && skip (reader);
    }
  if (label.major == NEGATIVE)
    switch (label.argument)
      {
      case 0: return read_number (reader, &number) && number <= MAX_VERSION;
      case 1: return fields->has_base_name = read_text (reader, TEXT, &fields->base_name_at, &fields->base_name_len);
      case 2: return fields->has_base_time = read_number (reader, &fields->base_time);
      case 4: return fields->has_base_value = read_number (reader, &fields->base_value);
      default: return skip (reader);
      }
  if (label.major != UINT)
    return FALSE;
  switch (label.argument)
    {
    case 0: return read_text (reader, TEXT, &fields->name_at, &fields->name_len);
    case 2: return fields->has_value = read_number (reader, &fields->value);
    case 3: return fields->has_text = read_text (reader, TEXT, &fields->text_at, &fields->text_len);
    case 4:
      if (!read_head (reader, &label) || label.major != SIMPLE || (label.info != 20 && label.info != 21))
        return FALSE;
      fields->boolean = label.info == 21;
      return fields->has_boolean = TRUE;
    case 6: return read_number (reader, &fields->time);
    case 8:
      if (!read_text (reader, BYTES, &text, &len))
        return FALSE;
      g_free (fields->text);
      fields->text = g_base64_encode ((const guchar *) text, len);
      fields->text_at = fields->text;
      fields->text_len = strlen (fields->text);
      return fields->has_text = TRUE;
    default: return skip (reader);
    }
}

gboolean
hawser_senml_read_cbor (const guint8 *bytes, gsize len, HawserSenmlFunc func, gpointer data)
{
  HawserReader reader;
  Head pack, map;
  Base base = { NULL, 0, 0, 0 };
  gboolean ok;

  hawser_reader_init (&reader, bytes, len);
  ok = read_head (&reader, &pack) && pack.major == ARRAY && (pack.is_indefinite || pack.argument <= HAWSER_SENML_MAX_RECORDS);
  for (guint64 n = 0; ok && (pack.is_indefinite || n < pack.argument); n++)
    {
      Fields fields = { NULL };

      ok = n < HAWSER_SENML_MAX_RECORDS && read_head (&reader, &map);
      if (ok && pack.is_indefinite && map.is_break)
        break;
      ok = ok && map.major == MAP && (map.is_indefinite || map.argument <= 256);
      for (guint64 m = 0; ok && (map.is_indefinite || m < map.argument); m++)
        {
          if (map.is_indefinite && reader.next < reader.end && *reader.next == 0xff)
            {
              reader.next++;
              break;
            }
          ok = m < 256 && read_cbor_member (&reader, &fields);
        }
      ok = ok && resolve (&base, &fields, func, data);
      clear_fields (&fields);
    }
  g_free (base.base_name);
  return ok && hawser_reader_get_remaining (&reader) == 0;
}
