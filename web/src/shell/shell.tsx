import { useEffect, useRef, useState, type ReactNode } from 'react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'wouter'
import { Menu, MenuItem, MenuTrigger } from 'react-aria-components/Menu'
import { Popover } from 'react-aria-components/Popover'
import { api, ask } from '../api/client'
import { has, signOut, useRoom, type Me } from '../api/me'
import { Button, ButtonLink, Link } from '../ui/button'
import { Broken } from '../ui/broken'
import { speak, spoken, wasChosen } from '../words'
import { Expired } from './expired'
import { useKeys } from './keys'
import { LanguageSwitch } from './settings'
import { Mark } from './brand'
import { placesOf } from './places'

/** What is around every screen of who is signed in. */
export function Shell({ me, children }: { me: Me; children: ReactNode }) {
  const { t } = useTranslation('shell')
  const [path] = useLocation()
  const [open, setOpen] = useState(false)
  const main = useRef<HTMLElement>(null)
  useKeys()
  useEffect(() => {
    if (me.language === spoken()) return
    // What was chosen in this browser is what the person wants; else their account knows.
    if (wasChosen()) void ask(api.PATCH('/v1/me', { body: { language: spoken() } })).catch(() => {})
    else void speak(me.language, false)
  }, [me.id, me.language])
  const sends = has(me, 'adops')
  useEffect(() => {
    // What is being sent goes on wherever one is in the page.
    if (!sends) return
    let end: (() => void) | undefined
    let gone = false
    void import('../desk/uploads').then((u) => {
      if (!gone) end = u.goOn(me.id)
    })
    return () => {
      gone = true
      end?.()
    }
  }, [me.id, sends])
  const first = useRef(true)
  useEffect(() => {
    setOpen(false)
    // Who reads by ear or by keyboard begins at the new screen's head.
    if (!first.current) main.current?.focus({ preventScroll: true })
    first.current = false
    window.scrollTo(0, 0)
  }, [path])
  return (
    <div className="shell">
      <a className="skip" href="#main">
        {t('skip')}
      </a>
      <header className="top">
        <Link href="/" className="brand">
          <Mark />
          Awase
        </Link>
        <span className="nav-open">
          <Button kind="plain" aria-expanded={open} onPress={() => setOpen(!open)}>
            {t('menu')}
          </Button>
        </span>
        <div className="end">
          <Bell />
          <LanguageSwitch signedIn />
          <Person me={me} />
        </div>
      </header>
      <Strips />
      <nav className="nav" aria-label={t('places')} data-open={open}>
        <ul>
          {placesOf(me).map((p) => (
            <li key={p.to}>
              <Link href={p.to} aria-current={(p.to === '/' ? path === '/' : path.startsWith(p.to)) ? 'page' : undefined}>
                {t(`place.${p.name}`)}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <main id="main" className="main" tabIndex={-1} ref={main}>
        <Broken at={path} title={t('broken')}>
          {children}
        </Broken>
      </main>
      <Expired me={me} />
    </div>
  )
}

function Bell() {
  const { t } = useTranslation('shell')
  const notices = useQuery({ queryKey: ['notices', 'unread'], queryFn: () => ask(api.GET('/v1/notices', { params: { query: { limit: 1 } } })), refetchInterval: 30_000 })
  const n = notices.data?.unread ?? 0
  return (
    <ButtonLink kind="plain" to="/notices">
      {t('notices')}
      {n > 0 && (
        <span className="unread">
          {n}
          <span className="unseen"> {t('unread')}</span>
        </span>
      )}
    </ButtonLink>
  )
}

function Person({ me }: { me: Me }) {
  const { t } = useTranslation('shell')
  const [, go] = useLocation()
  return (
    <MenuTrigger>
      <Button kind="plain" aria-label={t('account', { name: me.name })}>
        {me.name} <span aria-hidden="true">▾</span>
      </Button>
      <Popover placement="bottom end">
        <Menu onAction={(k) => (k === 'out' ? void signOut().then(() => go('/')) : go(String(k)))}>
          <MenuItem id="/me" textValue={t('me')}>
            <div>{t('me')}</div>
            <div className="small quiet">
              {me.party} · {me.roles.map((r) => t(`role.${r}`)).join(', ')}
            </div>
          </MenuItem>
          <MenuItem id="/help">{t('help')}</MenuItem>
          <MenuItem id="out">{t('signOut')}</MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  )
}

/** What holds for the whole room: practice, freeze, no line. */
function Strips() {
  const { t } = useTranslation('shell')
  const room = useRoom()
  const online = useOnline()
  const r = room.data
  return (
    <section className="strips" aria-label={t('roomState')}>
      {r?.practice && (
        <div className="strip" data-kind="practice">
          {t('practice')}
        </div>
      )}
      {r?.frozen && (
        <div className="strip" data-kind="bad" role="status">
          {t('frozen')}
        </div>
      )}
      {!online && (
        <div className="strip" data-kind="bad" role="status">
          {t('offline')}
        </div>
      )}
    </section>
  )
}

function useOnline() {
  const [online, set] = useState(navigator.onLine)
  useEffect(() => {
    const on = () => set(navigator.onLine)
    addEventListener('online', on)
    addEventListener('offline', on)
    return () => {
      removeEventListener('online', on)
      removeEventListener('offline', on)
    }
  }, [])
  return online
}
