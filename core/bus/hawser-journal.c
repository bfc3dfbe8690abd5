/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asking a journal that may not be there. Context: the bus's lane. */

#include "hawser-journal.h"

gboolean
hawser_journal_put (const HawserJournal *self, const char *space, const char *key, GBytes *value, HawserJournalDone done, gpointer data)
{
  if (self->log == NULL)
    return FALSE;
  self->funcs->put (self->log, space, key, value, done, data);
  return TRUE;
}

gboolean
hawser_journal_remove (const HawserJournal *self, const char *space, const char *key, HawserJournalDone done, gpointer data)
{
  if (self->log == NULL)
    return FALSE;
  self->funcs->remove (self->log, space, key, done, data);
  return TRUE;
}

gboolean
hawser_journal_foreach_value (const HawserJournal *self, const char *space, HawserJournalValueFunc func, gpointer data, GError **error)
{
  return self->log == NULL || self->funcs->foreach_value (self->log, space, func, data, error);
}

gint64
hawser_journal_get_line_offset_us (const HawserJournal *self)
{
  if (self->log != NULL && self->funcs->get_line_offset_us != NULL)
    return self->funcs->get_line_offset_us (self->log);
  return hawser_clock_get_wall_us (self->clock) - hawser_clock_get_monotonic_us (self->clock);
}

gint64
hawser_journal_get_line_us (const HawserJournal *self)
{
  return hawser_clock_get_monotonic_us (self->clock) + hawser_journal_get_line_offset_us (self);
}
