/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define PASSWORD_FILE_MAX_LEN   (16 * 1024 * 1024) /* bytes; about 100,000 users */
#define PASSWORD_MAX_LEN        1024               /* bytes; longer ones only cost us time */
#define PASSWORD_NAME_MAX_LEN   1024               /* bytes */

/* Users of one file. Immutable after parsing, so workers read it without a lock. */
typedef struct _PasswordFile PasswordFile;

PasswordFile    *password_file_new_empty (void);
PasswordFile    *password_file_parse     (const char    *bytes,
                                          gsize          len,
                                          GError       **error);
PasswordFile    *password_file_ref       (PasswordFile  *self);
void             password_file_unref     (PasswordFile  *self);
guint            password_file_get_n_users (PasswordFile *self);

HawserPrincipal *password_file_verify    (PasswordFile  *self,
                                          const char    *name,
                                          const guint8  *password,
                                          gsize          len);

char            *password_file_find_verifier (PasswordFile *self,
                                          const char    *name,
                                          HawserPrincipal **out_principal);
HawserPrincipal *password_file_find_principal (PasswordFile *self,
                                          const char    *name);
char            *password_file_hash      (const guint8  *password,
                                          gsize          len,
                                          GError       **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PasswordFile, password_file_unref)

G_END_DECLS
