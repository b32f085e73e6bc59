import { StrictMode, Suspense } from 'react'
import { createRoot } from 'react-dom/client'
import { QueryClientProvider } from '@tanstack/react-query'
import { queries } from './api/client'
import { App } from './app'
import { Skeleton } from './ui/state'
import { startTheme } from './ui/theme'
import { startWords } from './words'
import './styles/tokens.css'
import './styles/base.css'
import './styles/ui.css'
import './styles/shell.css'

startTheme()
await startWords()
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Suspense fallback={<Skeleton />}>
        <App />
      </Suspense>
    </QueryClientProvider>
  </StrictMode>,
)
