/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a text is when it is compared: a decimal number, an RFC 3339 date, or only text.
 * Pure functions that allocate nothing, for any thread. */

#include "hawser-scalar-private.h"

#include <errno.h>
#include <string.h>

#define NUMBER_MAX_LEN 64 /* ours: longer runs of digits are names or keys, not quantities */

static gboolean
parse_number (const char *text, HawserScalar *out)
{
  const char *p = text;
  gboolean is_integer = TRUE;

  if (*p == '-')
    p++;
  if (!g_ascii_isdigit (*p))
    return FALSE;
  while (g_ascii_isdigit (*p))
    p++;
  if (*p == '.')
    {
      is_integer = FALSE;
      if (!g_ascii_isdigit (*++p))
        return FALSE;
      while (g_ascii_isdigit (*p))
        p++;
    }
  if (*p == 'e' || *p == 'E')
    {
      is_integer = FALSE;
      p++;
      if (*p == '+' || *p == '-')
        p++;
      if (!g_ascii_isdigit (*p))
        return FALSE;
      while (g_ascii_isdigit (*p))
        p++;
    }
  if (*p != '\0' || p - text > NUMBER_MAX_LEN)
    return FALSE;

  out->number = g_ascii_strtod (text, NULL);
  errno = 0;
  out->integer = is_integer ? g_ascii_strtoll (text, NULL, 10) : 0;
  out->is_integer = is_integer && errno == 0;
  out->kind = HAWSER_SCALAR_NUMBER;
  return TRUE;
}

/* Reads exactly n digits; -1 when there are fewer. */
static int
digits (const char **p, int n)
{
  int value = 0;

  for (int i = 0; i < n; i++, (*p)++)
    {
      if (!g_ascii_isdigit (**p))
        return -1;
      value = value * 10 + (**p - '0');
    }
  return value;
}

static gint64
days_since_epoch (int year, int month, int day)
{
  gint64 y = month <= 2 ? year - 1 : year;
  gint64 era = (y >= 0 ? y : y - 399) / 400;
  gint64 year_of_era = y - era * 400;
  gint64 day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static gboolean
parse_offset (const char **p, int *out_seconds)
{
  int sign, hours, minutes;

  if (**p == 'Z' || **p == 'z')
    {
      (*p)++;
      *out_seconds = 0;
      return TRUE;
    }
  if (**p != '+' && **p != '-')
    return FALSE;
  sign = *(*p)++ == '-' ? -1 : 1;
  hours = digits (p, 2);
  if (hours < 0 || hours > 23 || *(*p)++ != ':')
    return FALSE;
  minutes = digits (p, 2);
  if (minutes < 0 || minutes > 59)
    return FALSE;
  *out_seconds = sign * (hours * 3600 + minutes * 60);
  return TRUE;
}

/* RFC 3339, 5.6: date-time, or full-date alone, which is its midnight in UTC */
static gboolean
parse_date (const char *text, HawserScalar *out)
{
  static const guint8 days_in_month[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  const char *p = text;
  int year, month, day, hour = 0, minute = 0, second = 0, offset = 0;
  guint32 nanoseconds = 0;
  gboolean is_leap;

  if ((year = digits (&p, 4)) < 0 || *p++ != '-' || (month = digits (&p, 2)) < 1 || month > 12 || *p++ != '-' || (day = digits (&p, 2)) < 1)
    return FALSE;
  is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  if (day > days_in_month[month - 1] + (month == 2 && is_leap ? 1 : 0))
    return FALSE;
  if (*p != '\0')
    {
      if (*p != 'T' && *p != 't' && *p != ' ')
        return FALSE;
      p++;
      if ((hour = digits (&p, 2)) < 0 || hour > 23 || *p++ != ':' || (minute = digits (&p, 2)) < 0 || minute > 59 || *p++ != ':' ||
          (second = digits (&p, 2)) < 0 || second > 60)
        return FALSE;
      if (*p == '.')
        {
          guint32 unit = 100000000;

          if (!g_ascii_isdigit (*++p))
            return FALSE;
          for (; g_ascii_isdigit (*p); p++, unit /= 10)
            nanoseconds += unit * (guint32) (*p - '0');
        }
      if (!parse_offset (&p, &offset) || *p != '\0')
        return FALSE;
    }

  out->kind = HAWSER_SCALAR_DATE;
  out->integer = days_since_epoch (year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
  out->nanoseconds = nanoseconds;
  return TRUE;
}

/* Never fails: what is neither number nor date is text. */
void
hawser_scalar_parse (const char *text, HawserScalar *out_scalar)
{
  memset (out_scalar, 0, sizeof *out_scalar);
  if (!parse_number (text, out_scalar) && !parse_date (text, out_scalar))
    out_scalar->kind = HAWSER_SCALAR_TEXT;
}

/* Both must be numbers or both dates. Integers are compared exactly, also beyond 2^53. */
int
hawser_scalar_compare (const HawserScalar *a, const HawserScalar *b)
{
  g_assert (a->kind == b->kind && a->kind != HAWSER_SCALAR_TEXT);

  if (a->kind == HAWSER_SCALAR_NUMBER && !(a->is_integer && b->is_integer))
    return (a->number > b->number) - (a->number < b->number);
  if (a->integer != b->integer)
    return (a->integer > b->integer) - (a->integer < b->integer);
  return (a->nanoseconds > b->nanoseconds) - (a->nanoseconds < b->nanoseconds);
}
